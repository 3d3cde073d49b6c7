/*
 * Any bytes as a request to the simulator: it refuses or answers, the whole answer is JSON, and a
 * stream says the same texts in at least as many bytes. The first byte picks dialect, operation
 * and stream.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "channel/sim_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(str s)
{
    yyjson_doc *d = yyjson_read(s.p, s.n, 0);

    must(d != NULL);
    yyjson_doc_free(d);
}

static void check_plan(struct sim_ask *a)
{
    struct sim_plan *p = sim_plan_make(a);
    struct sim_stream s = {.plan = p};
    struct buf out;
    size_t texts = 0;

    buf_init(&out, SIM_BODY_MAX);
    sim_speak_whole(p, &out);
    must(!out.failed);
    check_json(buf_str(&out));
    buf_clear(&out);
    while (s.at != SIM_AT_END) {
        texts += sim_stream_step(&s, &out);
        if (!p->ask.json_array && out.n > 1 << 20)
            buf_clear(&out);
    }
    must(!out.failed);
    must(texts == p->text_bytes);
    if (p->ask.json_array)
        check_json(buf_str(&out));
    sim_speak_fini(p);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sim_options options;
    struct sim_request rq = {
        .options = &options, .model = S("sim-1"), .path = S(":stream?alt=sse")};
    struct arena arena;
    struct sim_ask a;
    struct buf out;

    if (size == 0)
        return 0;
    hash_init();
    rq.dialect = (enum dialect_id)(data[0] & 3);
    rq.operation = (enum sim_operation)((data[0] >> 2 & 7) % SIM_OPERATIONS);
    rq.stream = data[0] & 0x20;
    if (data[0] & 0x40)
        rq.path = S(":streamGenerateContent");
    /* As the gateway asks: small endpoints speak OpenAI's dialect, embeddings Gemini's too. */
    if (rq.operation > SIM_COUNT_TOKENS && rq.operation != SIM_EMBED)
        rq.dialect = DIALECT_CHAT;
    rq.body = str_of((const char *)data + 1, size - 1);
    arena_init(&arena);
    buf_init(&out, SIM_BODY_MAX);
    if (!sim_read(&rq, &arena, &a)) {
        must(a.no.status == 400 && a.no.message.n > 0);
    } else if (rq.operation == SIM_GENERATE || rq.operation == SIM_COMPLETIONS) {
        check_plan(&a);
    } else {
        sim_small_write(&a, &out);
        must(!out.failed);
        if (rq.operation != SIM_IMAGE || !rq.stream)
            check_json(buf_str(&out));
    }
    yyjson_doc_free(a.doc);
    buf_fini(&out);
    arena_fini(&arena);
    return 0;
}
