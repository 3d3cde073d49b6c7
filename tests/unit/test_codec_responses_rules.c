/*
 * The Responses codec's promises: what its table of fates says happens to each feature, and that
 * whatever is put in place of any value of a request or an answer it is an error or it is nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/map.h"
#include "ir/seal.h"
#include "support/corpus.h"
#include "support/grammar.h"
#include "support/translate.h"

enum { OUT_MAX = 64 << 20 };

static const struct codec *const self = &codec_responses;

/* ---- fates ---- */

/* How a request says the feature: by a body of this dialect, or, where it has no words for it, by
 * what a reader of another dialect would have set. mark is a piece of text that must be in the
 * written request exactly when the feature is not dropped. */
struct sample {
    enum ir_feature feature;
    const char *members;
    void (*set)(struct ir_request *rq);
    const char *mark;
};

#define USER          "\"input\":[{\"role\":\"user\",\"content\":\"Go\"}]"
#define CONTENT(part) "\"input\":[{\"role\":\"user\",\"content\":[" part "]}]"
#define TOOL(tool)    USER ",\"tools\":[" tool "]"
#define FUNCTION      "{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"type\":\"object\"},"

static void set_top_k(struct ir_request *rq)
{
    rq->top_k = S("4242");
}

static void set_stop(struct ir_request *rq)
{
    rq->stops = arena_array(rq->arena, str, 1);
    rq->stops[0] = S("4242");
    rq->n_stops = 1;
}

static void set_seed(struct ir_request *rq)
{
    rq->seed = S("4242");
}

static void set_bias(struct ir_request *rq)
{
    assert_int_equal(json_read(S("{\"4242\":1}"), rq->arena, &rq->logit_bias, NULL), OK);
}

static void set_choices(struct ir_request *rq)
{
    rq->n = S("2");
}

static void set_name(struct ir_request *rq)
{
    rq->messages->name = S("4242");
}

static void set_text_document(struct ir_request *rq)
{
    struct ir_part *p = ir_part_add(rq, rq->messages, IR_PART_DOCUMENT);
    p->media = arena_new(rq->arena, struct ir_media);
    p->media->text = S("4242");
}

static void set_raw(struct ir_request *rq)
{
    struct ir_part *p = ir_part_add(rq, rq->messages, IR_PART_RAW);
    assert_int_equal(json_read(S("{\"type\":\"4242\"}"), rq->arena, &p->src, NULL), OK);
}

static void set_own_tool(struct ir_request *rq)
{
    struct ir_tool *t = ir_tool_add(rq, IR_TOOL_OWN);
    assert_int_equal(json_read(S("{\"type\":\"4242\"}"), rq->arena, &t->src, NULL), OK);
}

static void set_fetch(struct ir_request *rq)
{
    ir_tool_add(rq, IR_TOOL_WEB_FETCH);
}

static void set_budget(struct ir_request *rq)
{
    rq->reasoning = (struct ir_reasoning){.kind = IR_THINK_BUDGET, .budget = 5000};
}

static void set_image(struct ir_request *rq)
{
    rq->wants_image = true;
}

static void set_prefill(struct ir_request *rq)
{
    struct ir_message *m = ir_message_add(rq, IR_ASSISTANT);
    ir_part_add(rq, m, IR_PART_TEXT)->text = S("4242");
}

static void set_nothing(struct ir_request *rq)
{
    (void)rq;
}

static void set_failed(struct ir_request *rq)
{
    for (struct ir_message *m = rq->messages; m; m = m->next) {
        for (struct ir_part *p = m->parts.first; p; p = p->next)
            p->is_error |= p->kind == IR_PART_RESULT;
    }
}

#define CALLED(output)                                                                           \
    "\"input\":[{\"role\":\"user\",\"content\":\"Go\"},{\"type\":\"function_call\","             \
    "\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},{\"type\":\"function_call_output\"," \
    "\"call_id\":\"c\",\"output\":" output "}]"

static const struct sample samples[] = {
    {CAN_MAX_TOKENS, USER ",\"max_output_tokens\":4242", NULL, "4242"},
    {CAN_TEMPERATURE, USER ",\"temperature\":0.4242", NULL, "0.4242"},
    {CAN_TOP_P, USER ",\"top_p\":0.4242", NULL, "0.4242"},
    {CAN_TOP_K, USER, set_top_k, "4242"},
    {CAN_STOP, USER, set_stop, "4242"},
    {CAN_SEED, USER, set_seed, "4242"},
    {CAN_FREQUENCY_PENALTY, USER ",\"frequency_penalty\":0.4242", NULL, "4242"},
    {CAN_PRESENCE_PENALTY, USER ",\"presence_penalty\":0.4242", NULL, "4242"},
    {CAN_LOGIT_BIAS, USER, set_bias, "4242"},
    {CAN_LOGPROBS, USER ",\"top_logprobs\":7,\"include\":[\"message.output_text.logprobs\"]", NULL,
     "message.output_text.logprobs"},
    {CAN_CHOICES, USER, set_choices, NULL},
    {CAN_SYSTEM, USER ",\"instructions\":\"4242\"", NULL, "4242"},
    {CAN_DEVELOPER, "\"input\":[{\"role\":\"developer\",\"content\":\"4242\"}]", NULL, "4242"},
    {CAN_SYSTEM_LATER,
     "\"input\":[{\"role\":\"user\",\"content\":\"Go\"},{\"role\":\"developer\",\"content\":"
     "\"4242\"}]",
     NULL, "4242"},
    {CAN_AUTHOR_NAME, USER, set_name, "4242"},
    {CAN_PREFILL, USER, set_prefill, "4242"},
    {CAN_IMAGE_DATA,
     CONTENT("{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,4242\"}"), NULL,
     "4242"},
    {CAN_IMAGE_URL,
     CONTENT("{\"type\":\"input_image\",\"image_url\":\"https://example.com/4242\"}"), NULL,
     "4242"},
    {CAN_IMAGE_DETAIL,
     CONTENT("{\"type\":\"input_image\",\"image_url\":\"https://example.com\",\"detail\":\"low\"}"),
     NULL, "\"low\""},
    {CAN_AUDIO_DATA,
     CONTENT("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"4242\",\"format\":\"wav\"}}"),
     NULL, NULL},
    {CAN_VIDEO, CONTENT("{\"type\":\"input_video\",\"video_url\":\"https://example.com\"}"), NULL,
     NULL},
    {CAN_DOCUMENT_DATA,
     CONTENT("{\"type\":\"input_file\",\"filename\":\"a.pdf\",\"file_data\":\"4242\"}"), NULL,
     "4242"},
    {CAN_DOCUMENT_URL,
     CONTENT("{\"type\":\"input_file\",\"file_url\":\"https://example.com/4242\"}"), NULL, "4242"},
    {CAN_DOCUMENT_TEXT, USER, set_text_document, "4242"},
    {CAN_FILE_ID, CONTENT("{\"type\":\"input_file\",\"file_id\":\"file-4242\"}"), NULL, NULL},
    {CAN_CITE_DOCUMENTS, USER, set_nothing, NULL},
    {CAN_SEARCH_RESULT, USER, set_nothing, NULL},
    {CAN_CACHE_MARK,
     CONTENT("{\"type\":\"input_text\",\"text\":\"x\",\"prompt_cache_breakpoint\":{\"mode\":"
             "\"explicit\"}}"),
     NULL, "cache"},
    {CAN_OWN_CONTENT, USER, set_raw, "4242"},
    {CAN_TOOLS, TOOL(FUNCTION "\"strict\":false}"), NULL, "\"function\""},
    {CAN_TOOL_STRICT,
     TOOL("{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"type\":\"object\","
          "\"properties\":{},\"additionalProperties\":false},\"strict\":true}"),
     NULL, "\"strict\":true"},
    {CAN_TOOL_CUSTOM, TOOL("{\"type\":\"custom\",\"name\":\"f\"}"), NULL, "\"custom\""},
    {CAN_TOOL_GRAMMAR,
     TOOL("{\"type\":\"custom\",\"name\":\"f\",\"format\":{\"type\":\"grammar\",\"syntax\":"
          "\"lark\",\"definition\":\"4242\"}}"),
     NULL, "4242"},
    {CAN_TOOL_CHOICE, TOOL(FUNCTION "\"strict\":false}") ",\"tool_choice\":\"required\"", NULL,
     "required"},
    {CAN_TOOL_CHOICE_ONE,
     TOOL(FUNCTION "\"strict\":false}") ",\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}",
     NULL, "tool_choice"},
    {CAN_TOOL_CHOICE_SOME,
     TOOL(FUNCTION "\"strict\":false}") ",\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":"
                                        "\"auto\",\"tools\":[{\"type\":\"function\",\"name\":"
                                        "\"f\"}]}",
     NULL, "allowed_tools"},
    {CAN_PARALLEL_CALLS, TOOL(FUNCTION "\"strict\":false}") ",\"parallel_tool_calls\":false", NULL,
     "parallel_tool_calls"},
    {CAN_DEFER_LOADING, TOOL(FUNCTION "\"strict\":false,\"defer_loading\":true}"), NULL,
     "defer_loading"},
    {CAN_RESULT_IMAGE,
     CALLED("[{\"type\":\"input_image\",\"image_url\":\"https://example.com/4242\"}]"), NULL,
     "4242"},
    {CAN_RESULT_DOCUMENT,
     CALLED("[{\"type\":\"input_file\",\"file_url\":\"https://example.com/4242\"}]"), NULL, "4242"},
    {CAN_RESULT_ERROR, CALLED("\"4242\""), set_failed, "Error: 4242"},
    {CAN_WEB_SEARCH, TOOL("{\"type\":\"web_search\"}"), NULL, "web_search"},
    {CAN_WEB_FETCH, USER, set_fetch, "web_search"},
    {CAN_CODE_EXECUTION, TOOL("{\"type\":\"code_interpreter\",\"container\":{\"type\":\"auto\"}}"),
     NULL, "code_interpreter"},
    {CAN_FILE_SEARCH, TOOL("{\"type\":\"file_search\",\"vector_store_ids\":[]}"), NULL,
     "file_search"},
    {CAN_IMAGE_GENERATION, TOOL("{\"type\":\"image_generation\"}"), NULL, "image_generation"},
    {CAN_MCP, TOOL("{\"type\":\"mcp\",\"server_label\":\"x\"}"), NULL, "mcp"},
    {CAN_COMPUTER, TOOL("{\"type\":\"computer\"}"), NULL, "computer"},
    {CAN_OWN_TOOL, USER, set_own_tool, "4242"},
    {CAN_EFFORT, USER ",\"reasoning\":{\"effort\":\"low\"}", NULL, "\"low\""},
    {CAN_BUDGET, USER, set_budget, "\"medium\""},
    {CAN_REASONING_SHOWN, USER ",\"reasoning\":{\"summary\":\"concise\"}", NULL, "concise"},
    {CAN_REASONING_PAST,
     "\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"encrypted_content\":"
     "\"4242\"},{\"role\":\"assistant\",\"content\":\"x\"}]",
     NULL, "4242"},
    {CAN_JSON_MODE, USER ",\"text\":{\"format\":{\"type\":\"json_object\"}}", NULL, "json_object"},
    {CAN_JSON_SCHEMA,
     USER ",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"x\",\"schema\":{\"type\":"
          "\"object\"}}}",
     NULL, "json_schema"},
    {CAN_VERBOSITY, USER ",\"text\":{\"verbosity\":\"low\"}", NULL, "verbosity"},
    {CAN_OUTPUT_AUDIO, USER, set_nothing, NULL},
    {CAN_OUTPUT_IMAGE, USER, set_image, "image_generation"},
    {CAN_PREDICTION, USER, set_nothing, NULL},
    {CAN_SERVICE_TIER, USER ",\"service_tier\":\"flex\"", NULL, "flex"},
    {CAN_METADATA, USER ",\"metadata\":{\"a\":\"4242\"}", NULL, "4242"},
    {CAN_USER, USER ",\"user\":\"4242\"", NULL, "4242"},
    {CAN_CACHE_KEY, USER ",\"prompt_cache_key\":\"4242\"", NULL, "4242"},
    {CAN_CACHED_CONTENT, USER, set_nothing, NULL},
    {CAN_SAFETY, USER ",\"moderation\":{\"model\":\"4242\"}", NULL, "4242"},
    {CAN_STORE, USER ",\"store\":true", NULL, "\"store\":true"},
    {CAN_STATE, USER ",\"previous_response_id\":\"resp_1\"", NULL, NULL},
    {CAN_BACKGROUND, USER, set_nothing, NULL},
    {CAN_CONTEXT_EDITING, USER ",\"truncation\":\"auto\"", NULL, "truncation"},
    {CAN_OWN_OPTION, USER, set_nothing, NULL},
};

enum { SAMPLES = sizeof samples / sizeof samples[0] };

/* What a Responses client can say arrives as if another dialect's had said it. */
static enum err write_as_foreign(const struct sample *s, struct arena *a, struct ir_request *rq,
                                 struct buf *out, struct fail *f)
{
    struct ir_names names;
    struct ir_losses lost = {0};
    struct ir_target to = {.model = S("m"), .reasons = IR_YES};
    str parts[] = {S("{\"model\":\"m\","), str_c(s->members), S("}")};
    assert_int_equal(codec_read_request(self, str_join(a, parts, 3), a, rq, f), OK);
    if (!s->set && !ir_set_has(&rq->said, s->feature))
        fail_msg("%s: the reader does not say it", ir_feature_text(s->feature));
    if (s->set)
        s->set(rq);
    ir_say(rq, s->feature);
    rq->from = DIALECT_CHAT;
    return codec_write_request(self, rq, &to, a, &names, &lost, out, f);
}

static void check_written(const struct sample *s, struct arena *a, str body)
{
    enum ir_fate fate = self->fates[s->feature].fate;
    const char *what = ir_feature_text(s->feature);
    struct ir_request again;
    struct fail f = {0};
    bool there = s->mark && str_find(body, str_c(s->mark)) < body.n;
    if (s->mark && there != (fate != FATE_DROPPED))
        fail_msg("%s: %s in %.*s", what, there ? "was written" : "was not written", STR_FMT(body));
    assert_int_equal(codec_read_request(self, body, a, &again, &f), OK);
    /* Calls that failed, budgets and the like are said in other words: APPROX. The system prompt of
     * others is the developer's here. */
    bool said = ir_set_has(&again.said, s->feature);
    if (fate == FATE_CARRIED && s->feature != CAN_SYSTEM && !said)
        fail_msg("%s: carried, but not said again by %.*s", what, STR_FMT(body));
    if (fate == FATE_DROPPED && said)
        fail_msg("%s: dropped, but said again by %.*s", what, STR_FMT(body));
}

static void test_fates(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct arena a;
        struct buf out;
        struct ir_request rq;
        struct fail f = {0};
        arena_init(&a);
        buf_init(&out, OUT_MAX);
        enum err e = write_as_foreign(&samples[i], &a, &rq, &out, &f);
        bool refused = self->fates[samples[i].feature].fate == FATE_REFUSED;
        if ((e != OK) != refused)
            fail_msg("%s: %s", ir_feature_text(samples[i].feature), e ? f.text : "not refused");
        if (!e)
            check_written(&samples[i], &a, buf_str(&out));
        buf_fini(&out);
        arena_fini(&a);
    }
}

/* Every feature of requests has a sample (namespaces excepted: nobody else has them), every row a
 * fate. */
static void test_complete(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CAN_COUNT; i++) {
        bool sampled = i == CAN_TOOL_NAMESPACE;
        for (size_t k = 0; k < SAMPLES; k++)
            sampled |= samples[k].feature == i;
        assert_true(self->fates[i].fate != FATE_UNSET);
        if (ir_feature_asks((enum ir_feature)i) && !sampled)
            fail_msg("no sample for %s", ir_feature_text((enum ir_feature)i));
    }
}

/* ---- a conversation that comes home ---- */

/* Between equals all stays but the reasoning of another dialect's provider, signed or not. */
static void test_thoughts_from_elsewhere(void **state)
{
    struct arena a;
    struct buf out;
    struct ir_request rq;
    struct fail f = {0};
    struct ir_seal seal = {.value = S("x"), .issuer = DIALECT_ANTHROPIC};
    struct ir_target to = {.model = S("m")};
    (void)state;
    arena_init(&a);
    buf_init(&out, OUT_MAX);
#define REASONING(sealed) \
    "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"encrypted_content\":\"" sealed "\"}"
#define SAID "{\"content\":\"so\",\"role\":\"assistant\"}"
    str body = arena_printf(&a,
                            "{\"input\":[" REASONING("%.*s") "," SAID "," REASONING(
                                "gAAA") "," SAID "," REASONING(IR_SEAL_MARK) "," SAID "]}",
                            STR_FMT(ir_seal_pack(&seal, DIALECT_RESPONSES, &a)));
    assert_int_equal(codec_read_request(self, body, &a, &rq, &f), OK);
    assert_int_equal(self->request_write(&rq, &to, &out, &f), OK);
    assert_string_equal(buf_c(&out), "{\"model\":\"m\",\"input\":[" SAID
                                     "," REASONING("gAAA") "," SAID "," SAID "]}");
    buf_fini(&out);
    arena_fini(&a);
}

/* ---- anything in place of anything ---- */

static const char *const values[] = {
    "null", "true", "0", "-1e99", "\"\"", "\"x\"", "[]", "[[]]", "{}", "{\"type\":\"x\"}", ""};

enum { VALUES = sizeof values / sizeof values[0], NODES_MAX = 40 };

static size_t refused, taken;

static void try_request(str text)
{
    struct arena a;
    struct ir_request rq;
    struct buf out;
    struct fail f = {0};
    struct ir_target to = {.model = S("m")};
    struct ir_names names;
    struct ir_losses lost = {0};
    arena_init(&a);
    buf_init(&out, OUT_MAX);
    if (codec_read_request(self, text, &a, &rq, &f) == OK) {
        taken++;
        assert_int_equal(codec_write_request(self, &rq, &to, &a, &names, &lost, &out, &f), OK);
        (void)self->request_echo(&rq, &a);
        (void)self->request_leave(&rq, &codec_anthropic, &f);
        buf_clear(&out);
        rq.from = DIALECT_CHAT;
        (void)!codec_write_request(self, &rq, &to, &a, &names, &lost, &out, &f);
    } else {
        refused++;
        assert_true(f.text[0] != 0);
    }
    buf_fini(&out);
    arena_fini(&a);
}

/* Whatever the reader made of it, the client gets a stream of its dialect. */
static void check_grammar(str stream)
{
    struct grammar g;
    struct fail why = {0};
    if (!grammar_check(&g, GRAMMAR_RESPONSES, stream, &why))
        fail_msg("%s in\n%.*s", why.text, STR_FMT(stream));
}

/* What was read is written for a client, as this dialect's and as another's. */
static void try_answer(str text, bool stream)
{
    for (int foreign = 0; foreign < 2; foreign++) {
        struct arena a;
        struct buf out;
        struct client_stream s;
        struct fail f = {0};
        arena_init(&a);
        buf_init(&out, OUT_MAX);
        struct answer_ask ask = translate_ask(&a, foreign ? DIALECT_ANTHROPIC : DIALECT_RESPONSES);
        client_stream_init(&s, self, &ask, &out);
        enum err e = stream
                         ? translate_stream(self, text, UNCUT, &a, client_stream_take, &s, NULL, &f)
                         : translate_whole(self, text, &a, client_stream_take, &s, &f);
        *(e ? &refused : &taken) += 1;
        check_grammar(buf_str(&out));
        client_stream_fini(&s);
        buf_fini(&out);
        arena_fini(&a);
    }
}

static void each_mutation(str text, void (*run)(str text))
{
    struct arena a;
    struct buf out;
    yyjson_val *root;
    arena_init(&a);
    buf_init(&out, OUT_MAX);
    assert_int_equal(json_read(text, &a, &root, NULL), OK);
    size_t n = mutate_count(root), step = n / NODES_MAX + 1;
    for (size_t at = 0; at < n; at += step) {
        for (size_t v = 0; v < VALUES; v++) {
            buf_clear(&out);
            mutate_write(root, at, str_c(values[v]), &out);
            if (out.n)
                run(buf_str(&out));
        }
    }
    buf_fini(&out);
    arena_fini(&a);
}

enum { LONG = 40000, LONG_STREAM = 12000, LONG_EVENT = 6000 };

static void mutate_request(const char *name, str text)
{
    (void)name;
    if (text.n < LONG)
        each_mutation(text, try_request);
}

static void try_whole(str text)
{
    try_answer(text, false);
}

static void mutate_whole(const char *name, str text)
{
    (void)name;
    if (text.n < LONG)
        each_mutation(text, try_whole);
}

static void hostile(const char *file, void (*run)(const char *name, str text))
{
    refused = taken = 0;
    if (corpus_each("openai-responses", file, run) < 0) {
        print_message("skipped: no recordings\n");
        skip();
    }
    print_message("%zu refused, %zu taken\n", refused, taken);
    assert_true(refused > 10 && taken > 1000);
}

static void test_hostile_requests(void **state)
{
    (void)state;
    hostile("request.json", mutate_request);
}

static void test_hostile_answers(void **state)
{
    (void)state;
    hostile("response.json", mutate_whole);
}

/* ---- streams: one event changed, lost, said twice, or out of place ---- */

static struct {
    str before, after;
} around;

static void try_event(str data)
{
    struct arena a;
    arena_init(&a);
    str parts[] = {around.before, S("data: "), data, S("\n\n"), around.after};
    try_answer(str_join(&a, parts, 5), true);
    arena_fini(&a);
}

static void try_order(str frame)
{
    struct arena a;
    arena_init(&a);
    str twice[] = {around.before, frame, frame, around.after};
    str lost[] = {around.before, around.after};
    str late[] = {around.before, around.after, frame};
    try_answer(str_join(&a, twice, 4), true);
    try_answer(str_join(&a, lost, 2), true);
    try_answer(str_join(&a, late, 3), true);
    arena_fini(&a);
}

static str data_of(str frame)
{
    str rest = frame;
    while (rest.p && rest.n) {
        str line = str_trim(str_split(&rest, '\n'));
        if (str_starts(line, S("data:")))
            return str_trim(str_from(line, 5));
    }
    return S("");
}

static struct arena seen_arena;
static struct map seen;

/* Each type of event once, wherever it comes in a short stream. */
static bool seen_before(str data)
{
    str type = str_from(data, str_find(data, S("\"type\":\"response.")));
    void **at = map_at(&seen, str_dup(&seen_arena, str_split(&type, ',')));
    bool before = *at != NULL;
    *at = &seen;
    return before;
}

static void mutate_stream(const char *name, str text)
{
    (void)name;
    if (text.n > LONG_STREAM)
        return;
    for (size_t at = 0; at < text.n;) {
        str rest = str_from(text, at);
        size_t n = str_find(rest, S("\n\n")) + 2;
        str frame = str_head(rest, n), data = data_of(frame);
        around.before = str_head(text, at);
        around.after = str_from(text, at + n);
        at += n;
        if (!data.n || data.n > LONG_EVENT || seen_before(data))
            continue;
        try_order(frame);
        each_mutation(data, try_event);
    }
}

static void test_hostile_streams(void **state)
{
    (void)state;
    arena_init(&seen_arena);
    map_init(&seen, &seen_arena);
    hostile("response.sse", mutate_stream);
    arena_fini(&seen_arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fates),
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_thoughts_from_elsewhere),
        cmocka_unit_test(test_hostile_requests),
        cmocka_unit_test(test_hostile_answers),
        cmocka_unit_test(test_hostile_streams),
    };
    hash_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
