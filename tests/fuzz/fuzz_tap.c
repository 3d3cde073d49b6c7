/*
 * dialect/dialect.h: what a tap learns does not depend on where a stream or body is cut, nor (but
 * for model names) on whether it may pass over events that only bring text; its texts are bounded
 * UTF-8 or the provider's bytes; renaming keeps everything else; a whole answer made a
 * stream is a stream with an end. First byte: dialect and form; second: piece size.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/must.h"
#include "dialect/dialect.h"

struct facts {
    struct usage usage;
    char finish[32], error_text[256];
    bool terminal, error, bare_error, content;
    size_t events, models;
};

static void check_rename(const struct tap *t, str frame)
{
    struct buf out;
    struct tap again;
    buf_init(&out, 1 << 24);
    tap_rename(t, frame, S("\"alias\\"), &out);
    must(!out.failed);
    tap_init(&again, t->dialect);
    tap_frame(&again, buf_str(&out));
    must(again.n_models == t->n_models);
    must(t->n_models || str_eq(buf_str(&out), frame));
    tap_fini(&again);
    buf_fini(&out);
}

static void frame_seen(struct tap *t, struct facts *f, str frame)
{
    tap_frame(t, frame);
    must(t->n_models <= 4);
    f->events++;
    if (!t->renaming)
        return;
    f->models += t->n_models;
    check_rename(t, frame);
}

static struct facts run(const struct dialect *d, bool stream, str text, size_t step, bool renaming)
{
    struct facts f;
    struct tap t;
    struct sse_splitter s;
    memset(&f, 0, sizeof f); /* compared as bytes */
    tap_init(&t, d);
    t.renaming = renaming;
    sse_splitter_init(&s, 1 << 24);
    for (size_t at = 0; at < text.n; at += step) {
        str part = str_head(str_from(text, at), step), frame;
        char *copy = malloc(part.n);
        memcpy(copy, part.p, part.n);
        part.p = copy;
        if (!stream)
            tap_body(&t, part);
        while (stream && sse_next(&s, &part, &frame) > 0)
            frame_seen(&t, &f, frame);
        free(copy);
    }
    if (!stream)
        tap_body_end(&t);
    else if (sse_rest(&s).n)
        frame_seen(&t, &f, sse_rest(&s));
    f.usage = t.usage;
    f.terminal = t.terminal;
    f.error = t.error;
    f.bare_error = t.bare_error;
    f.content = t.content;
    strcpy(f.finish, t.finish);
    strcpy(f.error_text, t.error_text);
    must(t.usage.input >= -1 && t.usage.output >= -1);
    must(!t.error || t.terminal);
    sse_splitter_fini(&s);
    tap_fini(&t);
    return f;
}

static void check_conversion(const struct dialect *d, str text)
{
    struct buf out;
    buf_init(&out, 1 << 24);
    if (dialect_stream_from_whole(d, text, &out) == OK) {
        struct facts f = run(d, true, buf_str(&out), SIZE_MAX / 2, true);
        must(f.terminal && str_ends(buf_str(&out), S("data: [DONE]\n\n")));
    }
    buf_clear(&out);
    if (dialect_rename_model(d, text, S("x"), &out)) {
        must(json_validate(buf_str(&out), 1024, NULL, NULL) == OK);
    } else {
        must(out.n == 0);
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct dialect *d = dialect_get((enum dialect_id)(data[0] & 3));
    bool stream = data[0] & 4;
    str text = str_of((const char *)data + 2, size - 2);
    struct facts whole = run(d, stream, text, SIZE_MAX / 2, true);
    struct facts cut = run(d, stream, text, data[1] ? data[1] : 1, true);
    struct facts quick = run(d, stream, text, SIZE_MAX / 2, false);
    if (str_find_char(text, '\r') == text.n)
        must(memcmp(&whole, &cut, sizeof whole) == 0);
    quick.models = whole.models;
    must(memcmp(&whole, &quick, sizeof whole) == 0);
    if (!stream)
        check_conversion(d, text);
    return 0;
}
