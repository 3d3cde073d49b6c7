/*
 * http/reader.h - takes a provider's answer apart: head, body without its framing, end.
 *
 * No sockets in here: bytes go in as they come, in any pieces, and steps come out. llhttp (strict)
 * reads the head and chunked framing (RFC 9112 5 to 7.1); bodies with a Content-Length or ended by
 * the close are passed on without looking at them. RFC 9112 6.3 decides which of the three it is:
 *   - an answer to HEAD, and 204 and 304, have no body; 1xx answers are skipped, 101 is refused
 *     (we never ask to upgrade);
 *   - both lengths, two lengths, a coding other than chunked, or chunked under HTTP/1.0: refused,
 *     for the two ends could disagree on where the answer stops.
 *
 * The bytes given are changed: chunked payload is moved together over its framing, so that one
 * read gives one span.
 */
#ifndef CLIPROXY_HTTP_READER_H
#define CLIPROXY_HTTP_READER_H

#include <llhttp.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/call.h"

/* The head being read. Only one is under way at a time on a worker, so readers share it. */
struct http_reader_scratch {
    struct http_head head;
    struct http_field fields[HTTP_FIELDS_MAX];
};

enum http_reader_step {
    READER_MORE,  /* all input used, nothing came of it */
    READER_HEAD,  /* scratch->head is filled; it borrows from the input and from the reader */
    READER_BODY,  /* *body borrows from the input */
    READER_END,   /* the answer is complete; what input is left is not part of it */
    READER_FAILED /* not HTTP; fail says why. Sticky. */
};

struct http_reader {
    llhttp_t parser;
    struct http_reader_scratch *scratch;
    struct buf carry; /* the head so far, when it comes in pieces */
    size_t head_max;
    uint64_t left;   /* of a body with a length */
    size_t framing;  /* bytes of chunk framing that no payload has paid for yet */
    char *out;       /* end of the payload moved together in this step */
    const char *why; /* of a failure */
    enum err code;
    uint8_t state;
    bool head_only, keep_alive, too_many;
};

void http_reader_init(struct http_reader *r, struct http_reader_scratch *scratch);
void http_reader_fini(struct http_reader *r);

/* Before each answer. head_only: it answers a HEAD request. */
void http_reader_begin(struct http_reader *r, bool head_only, size_t head_max);

/* Takes the next step out of the *n bytes at *p and moves both past what it used. Call it again
 * until READER_MORE; READER_END and READER_FAILED need no input. f is filled on READER_FAILED:
 * ERR_UP_PROTOCOL, or ERR_UP_TOO_LARGE for a head above head_max. */
enum http_reader_step http_reader_next(struct http_reader *r, char **p, size_t *n, str *body,
                                       struct fail *f) must_check;

/* What the end of the input means now: OK (the answer is complete), ERR_UP_CLOSED (no head yet),
 * or ERR_UP_CUT (in the body). */
enum err http_reader_eof(const struct http_reader *r);

/* After READER_END: the message and its framing allow another request on this connection. */
static inline bool http_reader_keep_alive(const struct http_reader *r)
{
    return r->keep_alive;
}

#endif
