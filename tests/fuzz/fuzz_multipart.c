/*
 * http/multipart.h: cut anywhere, the result is the same; a value that was found stands where it
 * is said to stand, between a blank line and a delimiter. The first two bytes say where it is cut,
 * the third how long the Content-Type is that comes first.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/must.h"
#include "http/multipart.h"

static void feed(struct multipart *m, str type, str body, size_t first, size_t step)
{
    if (!multipart_init(m, type, S("model")))
        must(multipart_init(m, S("multipart/form-data; boundary=X"), S("model")));
    for (size_t at = 0, n = first; at < body.n; at += n, n = step) {
        n = n < body.n - at ? n : body.n - at;
        char *copy = malloc(n ? n : 1);
        memcpy(copy, body.p + at, n);
        multipart_feed(m, str_of(copy, n));
        free(copy);
        must(m->value.n <= MULTIPART_VALUE_MAX && m->head.n <= MULTIPART_HEAD_MAX);
    }
}

static void check_value(const struct multipart *m, str body)
{
    str delimiter = str_of(m->delimiter, m->delimiter_n), value = buf_str(&m->value);
    must(m->value_at <= body.n && value.n <= body.n - m->value_at);
    must(str_eq(str_head(str_from(body, m->value_at), value.n), value));
    must(str_ends(str_head(body, m->value_at), S("\r\n\r\n")));
    must(str_find(value, delimiter) == value.n);
    must(str_starts(str_from(body, m->value_at + value.n), delimiter));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    str all = str_of((const char *)data + 3, size - 3);
    str type = str_head(all, data[2]), body = str_from(all, data[2]);
    struct multipart whole, cut;
    feed(&whole, type, body, body.n, 1);
    feed(&cut, type, body, data[0], data[1] ? data[1] : 1);
    must(whole.found == cut.found && whole.bad == cut.bad && whole.over == cut.over);
    must(whole.twice == cut.twice);
    must(!whole.twice || whole.found);
    if (whole.found) {
        must(whole.value_at == cut.value_at);
        must(str_eq(buf_str(&whole.value), buf_str(&cut.value)));
        check_value(&whole, body);
    }
    multipart_fini(&whole);
    multipart_fini(&cut);
    return 0;
}
