/*
 * dialect/codec.c - what works alike for all codecs: reading texts, fitting requests, frames.
 */
#include "dialect/codec.h"

#include "ir/turns.h"

static const struct codec *const codecs[DIALECT_COUNT] = {
    [DIALECT_CHAT] = &codec_chat,
    [DIALECT_RESPONSES] = &codec_responses,
    [DIALECT_ANTHROPIC] = &codec_anthropic,
    [DIALECT_GEMINI] = &codec_gemini,
};

const struct codec *codec_get(enum dialect_id d)
{
    must((unsigned)d < DIALECT_COUNT);
    return codecs[d];
}

/* ---- requests ---- */

enum err codec_read_request(const struct codec *c, str body, struct arena *a, struct ir_request *rq,
                            struct fail *f)
{
    yyjson_val *root;
    enum err e = json_read(body, a, &root, f);
    if (e)
        return e;
    if (!yyjson_is_obj(root))
        return fail_set(f, ERR_BAD_REQUEST, "the request body must be a JSON object");
    ir_request_init(rq, a, c->dialect);
    rq->src = root;
    return c->request_read(rq, root, f);
}

/* A data: URL that no reader could take apart would be a URL nobody can fetch. */
static enum err check_media(const struct ir_part *p, struct fail *f)
{
    enum err e = OK;
    for (; p && !e; p = p->next) {
        if (p->media && str_starts_nocase(p->media->url, S("data:")))
            return fail_set(f, ERR_BAD_REQUEST,
                            "a data: URL must be data:TYPE;base64,DATA, this one begins with "
                            "\"%.*s\"",
                            STR_FMT(str_head(p->media->url, 40)));
        e = check_media(p->content, f);
    }
    return e;
}

static enum err check_messages(const struct ir_request *rq, struct fail *f)
{
    enum err e = OK;
    for (const struct ir_message *m = rq->messages; m && !e; m = m->next)
        e = check_media(m->parts.first, f);
    return e;
}

enum err codec_write_request(const struct codec *to, struct ir_request *rq,
                             const struct ir_target *target, struct arena *life,
                             struct ir_names *names, struct ir_losses *lost, struct buf *out,
                             struct fail *f)
{
    struct ir_target fit = *target;
    struct ir_alphabet alphabet = to->alphabet;
    *names = (struct ir_names){NULL};
    fit.lost = lost;
    if (rq->from != to->dialect) {
        const struct codec *from = codec_get(rq->from);
        enum err e = check_messages(rq, f);
        if (!e && from->request_leave)
            e = from->request_leave(rq, to, f);
        if (!e)
            e = ir_losses_settle(&rq->said, from->fates, to->fates, dialect_get(to->dialect)->name,
                                 lost, f);
        if (e)
            return e;
        for (size_t i = 0; i < rq->unknown.n; i++)
            ir_losses_add(lost, rq->unknown.names[i]);
        if (to->alphabet_for)
            to->alphabet_for(&fit, &alphabet);
        ir_names_fit(rq, &alphabet, life, names);
        ir_turns_fit(rq, to->turns);
    }
    enum err e = to->request_write(rq, &fit, out, f);
    if (!e && out->failed)
        e = fail_set(f, ERR_TOO_LARGE, "the translated request exceeds limits.body-size");
    return e;
}

/* ---- answers ---- */

/* Data lines of one event are bounded by the splitter; this is only against arithmetic. */
enum { LINES_MAX = 1 << 30 };

void answer_reader_init(struct answer_reader *r, const struct codec *c, struct arena *life,
                        ir_emit_fn *emit, void *arg)
{
    *r = (struct answer_reader){.codec = c, .life = life, .emit = emit, .arg = arg};
    arena_init(&r->scratch);
    buf_init(&r->lines, LINES_MAX);
    r->state = arena_zero(life, c->reader_size);
}

void answer_reader_fini(struct answer_reader *r)
{
    arena_fini(&r->scratch);
    buf_fini(&r->lines);
}

void answer_emit(struct answer_reader *r, const struct ir_event *e)
{
    if (r->over)
        return;
    r->started |= e->kind == IR_EV_START;
    r->over = e->kind == IR_EV_END || e->kind == IR_EV_ERROR;
    r->emit(r->arg, e);
}

static enum err bad_event(struct fail *f, const struct fail *why)
{
    return fail_set(f, ERR_UP_PROTOCOL, "an event of the provider is no event of its dialect: %s",
                    fail_text(why));
}

static enum err read_data(struct answer_reader *r, str type, str data, struct fail *f)
{
    struct fail why = {.code = ERR_BAD_JSON};
    yyjson_val *root = NULL;
    const char *done = dialect_get(r->codec->dialect)->done;
    if (!done || !str_eq(str_trim(data), str_c(done))) {
        if (json_read(data, &r->scratch, &root, &why))
            return bad_event(f, &why);
    }
    return r->codec->read_event(r, type, root, f);
}

enum err answer_read_frame(struct answer_reader *r, str frame, struct fail *f)
{
    struct sse_event ev;
    enum err e = OK;
    sse_parse(frame, &r->lines, &ev);
    if (r->over || (!ev.has_data && !ev.type.n))
        return OK;
    struct arena_mark mark = arena_mark(&r->scratch);
    if (ev.has_data && str_trim(ev.data).n)
        e = read_data(r, ev.type, ev.data, f);
    arena_rewind(&r->scratch, mark);
    return e;
}

enum err answer_read_stream_end(struct answer_reader *r, struct fail *f)
{
    return r->over ? OK : r->codec->read_end(r, f);
}

enum err answer_read_whole(struct answer_reader *r, str body, struct fail *f)
{
    yyjson_val *root;
    struct fail why = {.code = ERR_BAD_JSON};
    if (json_read(body, r->life, &root, &why))
        return fail_set(f, ERR_UP_PROTOCOL, "the provider's answer is not JSON: %s",
                        fail_text(&why));
    return r->codec->read_whole(r, root, f);
}
