/*
 * http/parse.h - a request head from bytes; llhttp in strict mode underneath.
 *
 * The head is parsed in one go once its end has been seen, so that a connection waiting for the
 * rest of a head costs no parser. Beyond llhttp: HTTP/1.1 needs exactly one Host (RFC 9112 3.2),
 * only origin-form, absolute-form and `*` targets are taken (3.2.1, 3.2.2, 3.2.4).
 */
#ifndef CLIPROXY_HTTP_PARSE_H
#define CLIPROXY_HTTP_PARSE_H

#include <llhttp.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/call.h"

struct http_request {
    llhttp_method_t method;
    str method_name;
    str target; /* as sent */
    str path;   /* without query; "*" for OPTIONS * */
    str query;  /* after '?', may be empty */
    struct http_field *fields;
    size_t n_fields;
    int64_t content_length; /* 0 when there is no body, -1 when chunked */
    bool keep_alive;
    bool http10;
    bool expect_continue;
};

/*
 * Offset just behind the empty line that ends a head, or 0 if it is not there yet. *from is where
 * to look first and is moved so that no byte is searched twice.
 */
size_t http_head_end(str bytes, size_t *from);

/*
 * Parses a whole head (as delimited by http_head_end). Slices of rq borrow from head; fields go
 * to fields[0..max). For a chunked body *body_parser continues where the head ended (feed it the
 * body with http_chunks_feed).
 *   ERR_BAD_HTTP, ERR_HEAD_TOO_LARGE (more than max fields); f says what.
 */
enum err http_parse_head(str head, struct http_request *rq, struct http_field *fields, size_t max,
                         llhttp_t *body_parser, struct fail *f) must_check;

/* Chunked request body. */
struct http_chunks {
    llhttp_t parser;
    void (*body)(void *arg, str bytes);
    void *arg;
    bool done;
    size_t overhead; /* bytes that were framing, to bound it */
};

/* Feeds bytes; *used tells how many belong to this message. done is set at its end.
 * ERR_BAD_HTTP on bad framing, or when chunk headers and extensions outweigh any sense. */
enum err http_chunks_feed(struct http_chunks *c, str bytes, size_t *used,
                          struct fail *f) must_check;

/* First field of that name, trimmed; p == NULL if none. */
static inline str http_request_field(const struct http_request *rq, str name)
{
    return http_field_get(rq->fields, rq->n_fields, name);
}

/* All fields of that name as one list (RFC 9110 5.3), joined in the arena if there are several;
 * p == NULL if none. */
str http_request_list(const struct http_request *rq, str name, struct arena *a);

/* Whether a Content-Type names this media type, its parameters aside (RFC 9110 8.3.1). */
bool http_media_is(str content_type, str type);

/* The value of a query parameter, still percent-encoded; p == NULL if none. */
str http_query_get(str query, str name);

/* Percent-decodes into out (at least s.n bytes); '+' becomes a space if plus. Malformed escapes
 * stay as they are. Returns the length. */
size_t http_percent_decode(str s, bool plus, char *out);

#endif
