/*
 * support/scripted.h - a provider that does what a test says, and a recorder of what a call gives.
 *
 * The provider is a thread with blocking sockets running a script; the client under test runs on
 * a worker of the test's own thread, one turn of the loop at a time.
 */
#ifndef TESTS_SUPPORT_SCRIPTED_H
#define TESTS_SUPPORT_SCRIPTED_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "http/client.h"

/* ---- The provider. ---- */

struct visitor {
    int fd; /* -1: nobody came, the test is over */
    SSL *ssl;
};

struct scripted {
    int listener;
    uint16_t port;
    uv_thread_t thread;
    void (*script)(struct scripted *);
    SSL_CTX *tls;                 /* set: peer_take shakes hands */
    _Atomic(const char *) answer; /* for scripts that take one */
    _Atomic size_t step;          /* bytes per write, 0: all at once */
    _Atomic unsigned requests, connections, resumed;
    char last[65536]; /* newest request; looked at after scripted_join */
    size_t last_n;
    void *arg;
};

void scripted_start(struct scripted *s, void (*script)(struct scripted *));
void scripted_join(struct scripted *s); /* wakes a script that waits in peer_take */

struct visitor visitor_take(struct scripted *s);
ssize_t visitor_read(struct visitor *p, void *to, size_t n); /* <= 0: the client is gone */
void visitor_say_n(struct visitor *p, const char *bytes, size_t n);
void visitor_say(struct visitor *p, const char *text);
/* A request and its body by Content-Length, into s->last; false when the client closed. */
bool visitor_hear(struct scripted *s, struct visitor *p);
void visitor_close(struct visitor *p);
void visitor_reset(struct visitor *p); /* by RST */

/* Answers s->answer to every request, on one connection after the other. */
void script_same(struct scripted *s);

/* ---- A certificate for localhost and 127.0.0.1, signed by itself, and its key, as PEM. ---- */

void scripted_certificate(const char *cert_file, const char *key_file);

/* ---- The caller. ---- */

struct rec {
    struct call *call;
    unsigned heads, bodies, ends, drains;
    int status;
    int64_t length;
    char type[64];
    struct buf body;
    enum err err;
    char text[FAIL_TEXT_MAX];
    void (*on_head)(struct rec *);
    void (*on_body)(struct rec *);
    void (*on_end)(struct rec *);
    void *arg;
};

extern const struct call_events rec_events;
void rec_clear(struct rec *r);

struct env {
    struct worker worker;
    struct http_client *client;
    struct http_client_options options;
    struct scripted server, other;
    const struct http_origin *origin;
    struct rec rec[8];
};

int env_setup(void **state);
int env_teardown(void **state);

/* Starts the script on e->server and makes e->origin its plain origin. */
void env_serve(struct env *e, void (*script)(struct scripted *));
void env_options(struct env *e);

const struct http_origin *origin_at(const char *url, const char *proxy, const char *ca_file);
struct call_request env_request(struct env *e, const char *text);
void env_start(struct env *e, struct rec *r, const char *text);

/* Turns the loop until *done (which may be NULL), or for ms. */
void env_turn(struct env *e, const unsigned *done, uint64_t ms);
void env_wait_end(struct env *e, struct rec *r);

void assert_good(const struct rec *r, const char *body);
void assert_failed(const struct rec *r, enum err e);

extern const char get_x[]; /* a request */

#endif
