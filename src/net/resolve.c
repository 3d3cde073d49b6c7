#include "net/resolve.h"

#include <arpa/inet.h>

#include "base/mem.h"

enum {
    ENTRIES_MAX = 256,
    GOOD_MS = 30 * 1000,
    BAD_MS = 1000,
    HOST_MAX = 255, /* RFC 1035 2.3.4 */
};

struct entry {
    uv_getaddrinfo_t rq;
    struct resolver *resolver;
    struct entry *next;
    struct resolve_wait *waiting;
    struct resolve_addrs *addrs; /* NULL: failed, or not there yet */
    const char *why;
    uint64_t until_ms;
    bool busy; /* being looked up */
    size_t host_n;
    char host[HOST_MAX + 1];
};

struct resolver {
    struct worker *worker;
    struct entry *entries;
    unsigned count;
};

struct resolver *resolver_new(struct worker *w)
{
    struct resolver *r = mem_zero(sizeof *r);
    r->worker = w;
    return r;
}

static void entry_free(struct entry *e)
{
    resolve_addrs_unref(e->addrs);
    mem_free(e);
}

void resolver_close(struct resolver *r)
{
    for (struct entry *e = r->entries; e; e = e->next) {
        must(!e->waiting);
        if (e->busy)
            (void)uv_cancel((uv_req_t *)&e->rq);
    }
}

void resolver_free(struct resolver *r)
{
    while (r->entries) {
        struct entry *e = r->entries;
        must(!e->busy);
        r->entries = e->next;
        entry_free(e);
    }
    mem_free(r);
}

void resolve_addrs_unref(struct resolve_addrs *a)
{
    if (a && --a->refs == 0)
        mem_free(a);
}

static struct resolve_addrs *addrs_new(unsigned room)
{
    struct resolve_addrs *a = mem_zero(sizeof *a + room * sizeof a->addr[0]);
    a->refs = 1;
    return a;
}

bool resolve_literal(str host, union resolve_addr *out)
{
    char text[INET6_ADDRSTRLEN + 1];
    if (host.n == 0 || host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = 0;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        return true;
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        return true;
    }
    return false;
}

/* ---- The answer. ---- */

static struct resolve_addrs *addrs_copy(const struct addrinfo *list)
{
    struct resolve_addrs *a = addrs_new(RESOLVE_ADDRS_MAX);
    for (const struct addrinfo *i = list; i && a->n < RESOLVE_ADDRS_MAX; i = i->ai_next) {
        if (i->ai_family != AF_INET && i->ai_family != AF_INET6)
            continue;
        if (i->ai_addrlen > sizeof a->addr[0])
            continue;
        memcpy(&a->addr[a->n++], i->ai_addr, i->ai_addrlen);
    }
    return a;
}

void resolve_wait_cancel(struct resolve_wait *w)
{
    if (!w->link)
        return;
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    w->link = NULL;
}

static enum resolve_state answer(const struct entry *e, struct resolve_wait *w)
{
    w->addrs = e->addrs;
    w->why = e->why;
    if (!e->addrs)
        return RESOLVE_FAILED;
    e->addrs->refs++;
    return RESOLVE_OK;
}

/* Whoever is called may ask again or cancel others, so the list is taken from its head anew. */
static void tell_all(struct entry *e)
{
    while (e->waiting) {
        struct resolve_wait *w = e->waiting;
        resolve_wait_cancel(w);
        w->done(w, answer(e, w));
    }
}

static void on_answer(uv_getaddrinfo_t *rq, int status, struct addrinfo *list)
{
    struct entry *e = rq->data;
    e->busy = false;
    if (status == 0) {
        e->addrs = addrs_copy(list);
        uv_freeaddrinfo(list);
    }
    if (e->addrs && e->addrs->n == 0) {
        resolve_addrs_unref(e->addrs);
        e->addrs = NULL;
    }
    e->why = status ? uv_strerror(status) : "no address";
    e->until_ms = worker_now_ms(e->resolver->worker) + (e->addrs ? GOOD_MS : BAD_MS);
    tell_all(e);
}

/* ---- The question. ---- */

static struct entry *find(struct resolver *r, str host)
{
    for (struct entry *e = r->entries; e; e = e->next) {
        if (str_eq_nocase(str_of(e->host, e->host_n), host))
            return e;
    }
    return NULL;
}

/* Room for one more: drops what has expired, or else whoever expires first. */
static bool make_room(struct resolver *r)
{
    uint64_t now = worker_now_ms(r->worker);
    struct entry **oldest = NULL;
    if (r->count < ENTRIES_MAX)
        return true;
    for (struct entry **at = &r->entries; *at; at = &(*at)->next) {
        if (!(*at)->busy && (!oldest || (*at)->until_ms < (*oldest)->until_ms))
            oldest = at;
        if (oldest && (*oldest)->until_ms <= now)
            break;
    }
    if (!oldest)
        return false;
    struct entry *gone = *oldest;
    *oldest = gone->next;
    entry_free(gone);
    r->count--;
    return true;
}

static struct entry *entry_new(struct resolver *r, str host)
{
    struct entry *e = mem_zero(sizeof *e);
    memcpy(e->host, host.p, host.n);
    e->host_n = host.n;
    e->resolver = r;
    e->rq.data = e;
    e->next = r->entries;
    r->entries = e;
    r->count++;
    return e;
}

static int look_up(struct entry *e)
{
    static const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    resolve_addrs_unref(e->addrs);
    e->addrs = NULL;
    int rc = uv_getaddrinfo(&e->resolver->worker->loop, &e->rq, on_answer, e->host, NULL, &hints);
    e->busy = rc == 0;
    return rc;
}

static void join(struct entry *e, struct resolve_wait *w)
{
    w->next = e->waiting;
    w->link = &e->waiting;
    if (w->next)
        w->next->link = &w->next;
    e->waiting = w;
}

static enum resolve_state say_no(struct resolve_wait *w, const char *why)
{
    w->why = why;
    return RESOLVE_FAILED;
}

enum resolve_state resolver_ask(struct resolver *r, str host, struct resolve_wait *w)
{
    union resolve_addr literal;
    w->link = NULL;
    w->addrs = NULL;
    if (resolve_literal(host, &literal)) {
        w->addrs = addrs_new(1);
        w->addrs->addr[w->addrs->n++] = literal;
        return RESOLVE_OK;
    }
    if (host.n == 0 || host.n > HOST_MAX || memchr(host.p, 0, host.n))
        return say_no(w, "not a host name");
    struct entry *e = find(r, host);
    if (!e) {
        if (!make_room(r))
            return say_no(w, "too many name look-ups under way");
        e = entry_new(r, host);
    } else if (!e->busy && worker_now_ms(r->worker) < e->until_ms) {
        return answer(e, w);
    }
    if (!e->busy) {
        int rc = look_up(e);
        if (rc < 0)
            return say_no(w, uv_strerror(rc));
    }
    join(e, w);
    return RESOLVE_WAITING;
}
