/*
 * dialect/codec.h, answers: any bytes as the stream of any provider, for any client. Cut anywhere
 * they read the same; the client's stream obeys its grammar, ends as the provider's did, and brings
 * the same text and calls as the whole answer does; sizes are bounded by the input's. Bytes:
 * provider, client (the next one when they speak alike), length of the pieces, stream.
 */
#include <stdint.h>

#include "base/hash.h"
#include "ir/print.h"
#include "support/grammar.h"
#include "support/translate.h"
#include "json/scan.h"

enum { FACTOR = 512, EXTRA = 65536, OUT_MAX = 1 << 27 };

static const enum grammar_kind kinds[] = {
    [DIALECT_CHAT] = GRAMMAR_CHAT,
    [DIALECT_RESPONSES] = GRAMMAR_RESPONSES,
    [DIALECT_ANTHROPIC] = GRAMMAR_ANTHROPIC,
    [DIALECT_GEMINI] = GRAMMAR_GEMINI,
};

/* ---- events, to several who want them ---- */

struct fan {
    struct ir_printer printer;
    struct client_stream client;
    struct ir_answer answer;
    bool ended;
};

static void fan_take(void *fan, const struct ir_event *e)
{
    struct fan *f = fan;
    must(!f->ended);
    f->ended = e->kind == IR_EV_END || e->kind == IR_EV_ERROR;
    ir_printer_take(&f->printer, e);
    client_stream_take(&f->client, e);
    ir_answer_take(&f->answer, e);
}

/* ---- what a client makes of it ---- */

struct seen {
    struct buf text; /* of choice 0, then its calls */
    bool complete;
};

/* Of calls that ran side by side a stream may bring the last one first: their order does not count,
 * so their hashes (FNV-1a) are summed. */
static uint64_t hash_call(const struct ir_part *p, struct arena *a)
{
    yyjson_val *tree = ir_call_tree(p, a);
    str parts[] = {p->name, S(" "), tree ? json_text_of(tree, a) : S("{}")};
    str line = str_join(a, parts, 3);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < line.n; i++)
        hash = (hash ^ (unsigned char)line.p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void put_reply(struct buf *out, const struct ir_answer *an, struct arena *a)
{
    const struct ir_reply *r = an->replies;
    uint64_t calls = 0;
    if (!r || r->index != 0)
        return;
    for (const struct ir_part *p = r->parts.first; p; p = p->next)
        calls += p->kind == IR_PART_CALL ? hash_call(p, a) : 0;
    buf_put(out, ir_reply_text(r, a));
    buf_printf(out, "\ncalls %llx\n%s", (unsigned long long)calls, ir_finish_name(r->finish));
}

static void check_stream(const struct codec *to, str sse, struct arena *a, struct buf *reply)
{
    struct grammar g;
    struct fail why = {0};
    struct ir_answer an;
    if (!grammar_check(&g, kinds[to->dialect], sse, &why))
        must_fail("fuzz_codec_stream", 0, why.text);
    ir_answer_init(&an, a, to->dialect, OUT_MAX, false);
    enum err e = translate_stream(to, sse, UNCUT, a, ir_answer_take, &an, NULL, &why);
    if (e)
        must_fail("fuzz_codec_stream", 1, fail_text(&why));
    must(g.complete == an.complete && g.error == (an.error != NULL));
    put_reply(reply, &an, a);
}

static void check_whole(const struct codec *to, const struct answer_ask *ask,
                        const struct ir_answer *an, struct arena *a, size_t size, struct buf *reply)
{
    struct buf out;
    struct ir_answer again;
    struct fail why = {0};
    buf_init(&out, OUT_MAX);
    to->write_whole(ask, an, &out);
    must(json_validate(buf_str(&out), JSON_DEPTH_MAX + 64, NULL, NULL) == OK);
    must(out.n <= FACTOR * size + EXTRA);
    ir_answer_init(&again, a, to->dialect, OUT_MAX, false);
    if (translate_whole(to, buf_str(&out), a, ir_answer_take, &again, &why) != OK)
        must_fail("fuzz_codec_stream", 2, fail_text(&why));
    put_reply(reply, &again, a);
    buf_fini(&out);
}

/* ---- one way through ---- */

struct run {
    const struct codec *from, *to;
    str text;
    struct cuts cuts;
};

static void compare(const struct run *run, struct fan *f, const struct answer_ask *ask,
                    struct arena *a)
{
    struct buf streamed, whole;
    buf_init(&streamed, OUT_MAX);
    buf_init(&whole, OUT_MAX);
    check_stream(run->to, buf_str(f->client.out), a, &streamed);
    /* Without a choice 0, which no API leaves out, each dialect does as it likes. */
    const struct ir_reply *first = f->answer.replies;
    if (f->answer.complete && (!first || first->index == 0)) {
        check_whole(run->to, ask, &f->answer, a, run->text.n, &whole);
        if (first && !str_eq(buf_str(&streamed), buf_str(&whole)))
            must_fail("fuzz_codec_stream", 3, "streamed and whole differ");
    }
    buf_fini(&streamed);
    buf_fini(&whole);
}

/* What the relay says to a client whose provider broke off. */
static void say_error(void *to)
{
    struct ir_error error = {.status = 502, .type = S("api_error"), .message = S("cut")};
    struct ir_event e = {.kind = IR_EV_ERROR, .usage = USAGE_NONE, .error = &error};
    fan_take(to, &e);
}

static void run_once(const struct run *run, struct buf *log)
{
    struct fan f = {0};
    struct arena a;
    struct buf out;
    struct fail why = {0};
    struct ir_renamed custom = {
        .wire = S("custom"), .name = S("apply"), .space = S("files"), .call = IR_CALL_CUSTOM};
    struct ir_names names = {&custom};
    arena_init(&a);
    buf_init(&out, OUT_MAX);
    struct answer_ask ask = translate_ask(&a, run->from->dialect);
    ask.include_usage = run->cuts.then & 1;
    ir_printer_init(&f.printer, log);
    ir_answer_init(&f.answer, &a, run->from->dialect, OUT_MAX, false);
    client_stream_init(&f.client, run->to, &ask, &out);
    struct ir_unname *u = ir_unname_new(&a, &names, fan_take, &f);
    enum err e =
        translate_stream(run->from, run->text, run->cuts, &a, ir_unname_take, u, NULL, &why);
    must((e == OK) == f.ended);
    bool begun = log->n > 0 || f.printer.held.n > 0;
    if (!f.ended && begun)
        say_error(&f);
    ir_printer_fini(&f.printer);
    client_stream_fini(&f.client);
    must(out.n <= FACTOR * run->text.n + EXTRA);
    if (begun)
        compare(run, &f, &ask, &a);
    ir_unname_free(u);
    buf_fini(&out);
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool hashing;
    struct buf whole, cut;
    if (size < 4)
        return 0;
    if (!hashing)
        hash_init();
    hashing = true;
    struct run run = {codec_get((enum dialect_id)(data[0] & 3)),
                      codec_get((enum dialect_id)(data[1] & 3)),
                      str_of((const char *)data + 3, size - 3), UNCUT};
    if (run.from == run.to)
        run.to = codec_get((enum dialect_id)((data[1] + 1) & 3));
    if (!run.from->read_event || !run.to->write_event || !run.to->write_whole ||
        !run.to->read_event || !run.to->read_whole)
        return 0;
    buf_init(&whole, OUT_MAX);
    buf_init(&cut, OUT_MAX);
    run.cuts.then = data[2] ? data[2] : 1;
    run_once(&run, &whole);
    run.cuts.first = 0;
    run_once(&run, &cut);
    must(str_eq(buf_str(&whole), buf_str(&cut)));
    buf_fini(&whole);
    buf_fini(&cut);
    return 0;
}
