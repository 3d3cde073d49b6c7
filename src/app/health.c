#include "app/health.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "config/config.h"

enum { TIMEOUT_S = 3 };

struct where {
    bool tls;
    char address[300]; /* host:port */
    char path[512];
};

static bool from_url(const char *url, struct where *w)
{
    str s = str_c(url);
    w->tls = str_starts(s, S("https://"));
    if (!w->tls && !str_starts(s, S("http://")))
        return false;
    s = str_from(s, w->tls ? 8 : 7);
    size_t slash = str_find_char(s, '/');
    str host = str_head(s, slash);
    bool has_port = str_find_last(host, ':') < host.n && host.p[host.n - 1] != ']';
    snprintf(w->address, sizeof w->address, "%.*s%s", STR_FMT(host),
             has_port ? ""
             : w->tls ? ":443"
                      : ":80");
    snprintf(w->path, sizeof w->path, "%.*s", slash < s.n ? (int)(s.n - slash) : 7,
             slash < s.n ? s.p + slash : "/health");
    return host.n > 0;
}

static bool from_config(const char *path, struct where *w, struct fail *f)
{
    struct config *c;
    hash_init();
    if (config_load(path, &c, f))
        return false;
    bool any = c->host.n == 0 || str_eq(c->host, S("0.0.0.0")) || str_eq(c->host, S("::"));
    bool v6 = !any && str_find_char(c->host, ':') < c->host.n;
    snprintf(w->address, sizeof w->address, v6 ? "[%.*s]:%d" : "%.*s:%d", any ? 9 : (int)c->host.n,
             any ? "127.0.0.1" : c->host.p, (int)c->port);
    snprintf(w->path, sizeof w->path, "/health");
    w->tls = c->tls_enable;
    config_free(c);
    return true;
}

/* A health check asks whether the process answers; whom its certificate names is not the point. */
static BIO *open_bio(const struct where *w, SSL_CTX **ctx)
{
    BIO *bio;
    if (!w->tls) {
        *ctx = NULL;
        return BIO_new_connect(w->address);
    }
    *ctx = SSL_CTX_new(TLS_client_method());
    bio = BIO_new_ssl_connect(*ctx);
    BIO_set_conn_hostname(bio, w->address);
    return bio;
}

static int ask(const struct where *w, char *line, size_t n)
{
    SSL_CTX *ctx;
    BIO *bio = open_bio(w, &ctx);
    int got = -1;
    if (bio && BIO_do_connect(bio) == 1) {
        BIO_printf(bio, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", w->path,
                   w->address);
        /* Connecting with a time limit leaves the BIO non-blocking: the answer may not be here. */
        time_t until = time(NULL) + TIMEOUT_S;
        do
            got = BIO_read(bio, line, (int)n - 1);
        while (got <= 0 && BIO_should_retry(bio) && BIO_wait(bio, until, 20) > 0);
    }
    line[got > 0 ? got : 0] = 0;
    BIO_free_all(bio);
    SSL_CTX_free(ctx);
    return got;
}

static void on_alarm(int signal)
{
    static const char text[] = "cliproxyapi++: no answer within three seconds\n";
    (void)signal;
    ssize_t put = write(STDERR_FILENO, text, sizeof text - 1);
    (void)put;
    _exit(1);
}

int health_run(const char *url, const char *config_path)
{
    struct where w = {0};
    struct fail f = {0};
    char line[512];
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_alarm);
    alarm(TIMEOUT_S); /* whatever hangs: a health check must end */
    if (url ? !from_url(url, &w) : !from_config(config_path, &w, &f)) {
        fprintf(stderr, "cliproxyapi++: %s\n",
                url ? "--url must be http:// or https://" : fail_text(&f));
        return 1;
    }
    if (ask(&w, line, sizeof line) <= 0) {
        fprintf(stderr, "cliproxyapi++: no answer from %s\n", w.address);
        return 1;
    }
    if (strncmp(line, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "cliproxyapi++: %s answered %.*s\n", w.address, (int)strcspn(line, "\r\n"),
                line);
        return 1;
    }
    printf("healthy\n");
    return 0;
}
