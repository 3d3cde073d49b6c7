/*
 * http/encoding.h: what is decoded stays under the cap, and the cap decides nothing but whether
 * the text fits. The first byte chooses the header's value.
 */
#include <stdint.h>

#include "base/must.h"
#include "http/encoding.h"

static const char *const headers[] = {
    "gzip", "deflate", "zstd", "br", "gzip, gzip", "zstd,gzip", "deflate ,br", "identity", "foo",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CAP = 20000 };
    if (size == 0)
        return 0;
    str header = str_c(headers[data[0] % (sizeof headers / sizeof headers[0])]);
    str body = str_of((const char *)data + 1, size - 1);
    struct buf out, again;
    struct fail f = {0};
    buf_init(&out, CAP);
    enum err err = encoding_decode(header, body, &out, &f);
    must(out.n <= CAP && out.cap <= CAP);
    must(err == OK || err == ERR_BAD_ENCODING || err == ERR_TOO_LARGE);
    must(err == OK || f.text[0]);
    if (err == OK) {
        buf_init(&again, out.n);
        must(encoding_decode(header, body, &again, &f) == OK ||
             str_find_char(header, ',') < header.n);
        must(again.n == 0 || str_eq(buf_str(&again), buf_str(&out)) ||
             str_find_char(header, ',') < header.n);
        buf_fini(&again);
    }
    if (err == OK && out.n) {
        buf_init(&again, out.n - 1);
        must(encoding_decode(header, body, &again, &f) == ERR_TOO_LARGE);
        buf_fini(&again);
    }
    buf_fini(&out);
    return 0;
}
