/*
 * http/multipart.h - finds one field in a multipart/form-data body that passes by in pieces.
 *
 * Wire facts: RFC 2046 5.1.1 (delimiter lines), RFC 7578 (form-data; the name is a parameter of
 * Content-Disposition). The body itself is not kept: only the part head being read and the value
 * looked for. What two readers could understand differently (folded part heads, a parameter given
 * twice, escapes in a name, parts behind the closing delimiter) counts as malformed: the provider
 * must not find another model than we did.
 */
#ifndef CLIPROXY_HTTP_MULTIPART_H
#define CLIPROXY_HTTP_MULTIPART_H

#include "base/buf.h"

enum { MULTIPART_BOUNDARY_MAX = 70, MULTIPART_HEAD_MAX = 8192, MULTIPART_VALUE_MAX = 1024 };

struct multipart {
    str name;          /* the field looked for; borrowed */
    struct buf value;  /* its value so far */
    uint64_t value_at; /* offset of the value in the body */
    bool found;        /* the value is complete */
    bool twice;        /* the field came again */
    bool bad;          /* not well-formed, or a limit was passed */
    bool over;         /* the closing delimiter was seen */
    /* private */
    char delimiter[MULTIPART_BOUNDARY_MAX + 4];
    size_t delimiter_n, matched;
    struct buf head;
    uint64_t at;
    enum { MP_BODY, MP_VALUE, MP_AFTER, MP_HEAD } state;
    char after[2];
    size_t after_n;
};

/* False when the content type is not multipart/form-data with a boundary. */
bool multipart_init(struct multipart *m, str content_type, str name);
void multipart_fini(struct multipart *m);

void multipart_feed(struct multipart *m, str bytes);

#endif
