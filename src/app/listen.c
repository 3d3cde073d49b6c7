#include "app/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

struct address {
    struct sockaddr_storage sa;
    socklen_t n;
};

static enum err find_address(str host, int port, struct address *out, struct fail *f)
{
    char name[256], service[8];
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    snprintf(name, sizeof name, "%.*s", STR_FMT(host));
    snprintf(service, sizeof service, "%d", port);
    int rc = getaddrinfo(host.n ? name : "::", service, &hints, &list);
    if (rc != 0)
        return fail_set(f, ERR_CONFIG, "cannot listen on host %s: %s", name, gai_strerror(rc));
    /* Where "localhost" is ::1 first and 127.0.0.1 second, clients still expect the latter. */
    const struct addrinfo *pick = list;
    for (const struct addrinfo *i = list; i && pick->ai_family != AF_INET; i = i->ai_next) {
        if (i->ai_family == AF_INET)
            pick = i;
    }
    memcpy(&out->sa, pick->ai_addr, pick->ai_addrlen);
    out->n = pick->ai_addrlen;
    freeaddrinfo(list);
    return OK;
}

static int open_one(const struct address *a, bool share)
{
    int one = 1, zero = 0;
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (share)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (a->sa.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(fd, (const struct sockaddr *)&a->sa, a->n) < 0 || listen(fd, BACKLOG) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static enum err cannot(struct fail *f, str host, int port)
{
    if (errno == EADDRINUSE)
        return fail_set(f, ERR_CONFIG,
                        "address already in use %.*s:%d (who has it: lsof -iTCP:%d -sTCP:LISTEN)",
                        STR_FMT(host), port, port);
    return fail_set(f, ERR_CONFIG, "cannot listen on %.*s:%d: %s", STR_FMT(host), port,
                    strerror(errno));
}

/* The address as it came to be; its port goes back into a. */
static void settle(struct listeners *l, struct address *a)
{
    char ip[INET6_ADDRSTRLEN] = "";
    socklen_t n = sizeof a->sa;
    getsockname(l->fds[0], (struct sockaddr *)&a->sa, &n);
    if (a->sa.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->sa;
        inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof ip);
        snprintf(l->address, sizeof l->address, "[%s]:%u", ip, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&a->sa;
        inet_ntop(AF_INET, &in->sin_addr, ip, sizeof ip);
        snprintf(l->address, sizeof l->address, "%s:%u", ip, ntohs(in->sin_port));
    }
}

enum err listeners_open(struct listeners *l, str host, int port, unsigned n, struct fail *f)
{
    struct address a = {0};
    *l = (struct listeners){.n = 0};
    enum err e = find_address(host, port, &a, f);
    if (e)
        return e;
    /* Alone first: a shared socket would silently join another process of the same user. */
    int alone = open_one(&a, false);
    if (alone < 0 && errno == EAFNOSUPPORT && host.n == 0) {
        e = find_address(S("0.0.0.0"), port, &a, f); /* a machine without IPv6 */
        if (e)
            return e;
        alone = open_one(&a, false);
    }
    if (alone < 0)
        return cannot(f, host, port);
    close(alone);
    for (unsigned i = 0; i < n && i < LISTEN_MAX; i++) {
        int fd = open_one(&a, true);
        if (fd < 0) {
            e = cannot(f, host, port);
            listeners_close(l);
            return e;
        }
        l->fds[l->n++] = fd;
        if (i == 0)
            settle(l, &a);
    }
    return OK;
}

void listeners_close(struct listeners *l)
{
    for (unsigned i = 0; i < l->n; i++)
        close(l->fds[i]);
    l->n = 0;
}
