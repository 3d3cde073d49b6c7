#include "support/translate.h"

#include "base/mem.h"

const struct codec *codec_named(str name)
{
    static const struct {
        const char *name;
        const struct codec *codec;
    } rows[] = {{"chat", &codec_chat},
                {"completions", &codec_completions},
                {"responses", &codec_responses},
                {"anthropic", &codec_anthropic},
                {"gemini", &codec_gemini}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (str_eq(name, str_c(rows[i].name)))
            return rows[i].codec;
    }
    return NULL;
}

enum err translate_request(const struct codec *from, const struct codec *to, str body,
                           const struct ir_target *target, struct arena *a,
                           struct written_request *w)
{
    enum err e = codec_read_request(from, body, a, &w->rq, &w->fail);
    w->refused_reading = e != OK;
    w->lost = (struct ir_losses){0};
    if (e)
        return e;
    struct ir_target t = *target;
    t.stream = w->rq.stream;
    return codec_write_request(to, &w->rq, &t, a, &w->names, &w->lost, &w->out, &w->fail);
}

/* ---- providers ---- */

static enum err read_piece(struct answer_reader *r, struct sse_splitter *s, str in, long *left,
                           struct fail *f)
{
    str frame;
    enum err e = OK;
    while (!e && *left && sse_next(s, &in, &frame) > 0) {
        e = answer_read_frame(r, frame, f);
        --*left;
    }
    return e;
}

/* Pieces are copied, so that a reader that keeps what it must not is seen by ASan. */
static enum err read_pieces(struct answer_reader *r, struct sse_splitter *s, str text,
                            struct cuts cuts, long *left, struct fail *f)
{
    enum err e = OK;
    for (size_t at = 0, n = cuts.first; at < text.n && *left && !e; at += n, n = cuts.then) {
        n = n < text.n - at ? n : text.n - at;
        if (n == 0)
            continue;
        char *copy = mem_new(n);
        memcpy(copy, text.p + at, n);
        e = read_piece(r, s, str_of(copy, n), left, f);
        mem_free(copy);
    }
    if (!e && *left && sse_rest(s).n) {
        e = answer_read_frame(r, sse_rest(s), f);
        --*left;
    }
    return e;
}

enum err translate_stream(const struct codec *c, str text, struct cuts cuts, struct arena *life,
                          ir_emit_fn *emit, void *arg, long *seen, struct fail *f)
{
    struct answer_reader r;
    struct sse_splitter s;
    long left = cuts.frames;
    answer_reader_init(&r, c, life, emit, arg);
    sse_splitter_init(&s, 32 << 20);
    enum err e = read_pieces(&r, &s, text, cuts, &left, f);
    if (!e)
        e = answer_read_stream_end(&r, f);
    if (seen)
        *seen = cuts.frames - left;
    sse_splitter_fini(&s);
    answer_reader_fini(&r);
    return e;
}

enum err translate_whole(const struct codec *c, str body, struct arena *life, ir_emit_fn *emit,
                         void *arg, struct fail *f)
{
    struct answer_reader r;
    answer_reader_init(&r, c, life, emit, arg);
    enum err e = answer_read_whole(&r, body, f);
    answer_reader_fini(&r);
    return e;
}

/* ---- clients ---- */

void client_stream_init(struct client_stream *s, const struct codec *c,
                        const struct answer_ask *ask, struct buf *out)
{
    *s = (struct client_stream){.codec = c, .ask = ask, .out = out};
    s->state = arena_zero(ask->arena, c->writer_size);
}

void client_stream_take(void *stream, const struct ir_event *e)
{
    struct client_stream *s = stream;
    s->codec->write_event(s->state, s->ask, e, s->out);
}

void client_stream_fini(struct client_stream *s)
{
    if (s->codec->write_fini)
        s->codec->write_fini(s->state);
}

struct answer_ask translate_ask(struct arena *a, enum dialect_id from)
{
    return (struct answer_ask){.arena = a,
                               .model = S("client-model"),
                               .nonce = S("abcdefghijklmnopqrstuvwx"),
                               .now = 1700000000,
                               .from = from};
}
