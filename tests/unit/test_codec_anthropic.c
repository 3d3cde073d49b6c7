/*
 * The Anthropic codec by its own word: what features.def says of each feature is what the reader
 * and the writer do; and wrong types are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ir/seal.h"
#include "support/written.h"

/* ---- a sample of each feature ---- */

typedef void sample_fn(struct world *w, struct ir_request *rq);

#define SAMPLE(name) static void name(struct world *w, struct ir_request *rq)
#define UNUSED       (void)w

SAMPLE(max_tokens)
{
    UNUSED;
    rq->max_tokens = S("77");
}
SAMPLE(temperature)
{
    UNUSED;
    rq->temperature = S("0.25");
}
SAMPLE(top_p)
{
    UNUSED;
    rq->top_p = S("0.5");
}
SAMPLE(top_k)
{
    UNUSED;
    rq->top_k = S("5");
}
SAMPLE(seed)
{
    UNUSED;
    rq->seed = S("5");
}
SAMPLE(frequency)
{
    UNUSED;
    rq->frequency_penalty = S("1");
}
SAMPLE(presence)
{
    UNUSED;
    rq->presence_penalty = S("1");
}
SAMPLE(bias)
{
    rq->logit_bias = json(w, "{\"1\":2}");
}
SAMPLE(logprobs)
{
    UNUSED;
    rq->logprobs = IR_YES;
}
SAMPLE(verbosity)
{
    UNUSED;
    rq->verbosity = S("low");
}
SAMPLE(wants_audio)
{
    UNUSED;
    rq->wants_audio = true;
}
SAMPLE(wants_image)
{
    UNUSED;
    rq->wants_image = true;
}
SAMPLE(tier)
{
    UNUSED;
    rq->service_tier = S("auto");
}
SAMPLE(metadata)
{
    rq->metadata = json(w, "{\"k\":\"v\"}");
}
SAMPLE(user)
{
    UNUSED;
    rq->user = S("u-1");
}
SAMPLE(cache_key)
{
    UNUSED;
    rq->cache_key = S("k");
}
SAMPLE(store)
{
    UNUSED;
    rq->store = IR_YES;
}
SAMPLE(author)
{
    UNUSED;
    rq->messages->name = S("bob");
}

SAMPLE(stop)
{
    rq->stops = arena_array(&w->arena, str, 1);
    rq->stops[rq->n_stops++] = S("END");
}

static void put_first(struct ir_request *rq, enum ir_role role)
{
    struct ir_message *m = arena_new(rq->arena, struct ir_message);
    m->role = role;
    ir_parts_init(&m->parts);
    ir_part_add(rq, m, IR_PART_TEXT)->text = S("be kind");
    m->next = rq->messages;
    rq->messages = m;
}

SAMPLE(system_prompt)
{
    UNUSED;
    put_first(rq, IR_SYSTEM);
}
SAMPLE(developer)
{
    UNUSED;
    put_first(rq, IR_DEVELOPER);
}

SAMPLE(system_later)
{
    UNUSED;
    say(rq, IR_ASSISTANT, "hello");
    say(rq, IR_SYSTEM, "be kind");
    say(rq, IR_USER, "again");
}

SAMPLE(prefill)
{
    UNUSED;
    say(rq, IR_ASSISTANT, "It is");
}
SAMPLE(image)
{
    add_media(w, rq, IR_PART_IMAGE, (struct ir_media){.data = GIF});
}
SAMPLE(image_url)
{
    add_media(w, rq, IR_PART_IMAGE, (struct ir_media){.url = S("https://a/b")});
}
SAMPLE(document)
{
    add_media(w, rq, IR_PART_DOCUMENT, (struct ir_media){.data = PDF});
}
SAMPLE(document_text)
{
    add_media(w, rq, IR_PART_DOCUMENT, (struct ir_media){.text = S("t")});
}

SAMPLE(document_url)
{
    add_media(w, rq, IR_PART_DOCUMENT, (struct ir_media){.url = S("https://a/b.pdf")});
}

SAMPLE(detail)
{
    add_media(w, rq, IR_PART_IMAGE, (struct ir_media){.data = GIF, .detail = S("high")});
}

SAMPLE(cache_mark)
{
    rq->messages->parts.first->cache = json(w, "{\"type\":\"ephemeral\"}");
}
SAMPLE(own_content)
{
    ir_part_add(rq, rq->messages, IR_PART_RAW)->src = json(w, "{\"x\":1}");
}
SAMPLE(tools)
{
    add_tool(w, rq, IR_TOOL_FUNCTION, "f");
}
SAMPLE(strict)
{
    add_tool(w, rq, IR_TOOL_FUNCTION, "f")->strict = IR_YES;
}
SAMPLE(own_tool)
{
    add_tool(w, rq, IR_TOOL_OWN, "x")->src = json(w, "{\"type\":\"x\"}");
}
SAMPLE(web_search)
{
    add_tool(w, rq, IR_TOOL_WEB_SEARCH, "web_search");
}
SAMPLE(web_fetch)
{
    add_tool(w, rq, IR_TOOL_WEB_FETCH, "web_fetch");
}
SAMPLE(code)
{
    add_tool(w, rq, IR_TOOL_CODE_EXECUTION, "code");
}
SAMPLE(deferred)
{
    add_tool(w, rq, IR_TOOL_FUNCTION, "f")->deferred = true;
}

SAMPLE(choice)
{
    choose(w, rq, IR_CHOICE_REQUIRED);
}
SAMPLE(choice_one)
{
    choose(w, rq, IR_CHOICE_ONE);
}
SAMPLE(choice_some)
{
    choose(w, rq, IR_CHOICE_SOME);
}

SAMPLE(parallel)
{
    add_tool(w, rq, IR_TOOL_FUNCTION, "f");
    rq->parallel = IR_NO;
}

static struct ir_part *result_with(struct world *w, struct ir_request *rq, enum ir_part_kind kind)
{
    struct ir_parts list;
    add_tool(w, rq, IR_TOOL_FUNCTION, "f");
    add_call(rq);
    struct ir_part *r = add_result(rq);
    ir_parts_init(&list);
    struct ir_part *p = ir_parts_add(&list, &w->arena, kind);
    r->content = p;
    p->media = arena_new(&w->arena, struct ir_media);
    return r;
}

SAMPLE(result_image)
{
    result_with(w, rq, IR_PART_IMAGE)->content->media->data = GIF;
}
SAMPLE(result_document)
{
    result_with(w, rq, IR_PART_DOCUMENT)->content->media->data = PDF;
}

SAMPLE(result_error)
{
    struct ir_part *r = result_with(w, rq, IR_PART_TEXT);
    r->is_error = true;
    r->content->text = S("no");
}

SAMPLE(effort)
{
    UNUSED;
    rq->reasoning = (struct ir_reasoning){.kind = IR_THINK_LEVEL, .level = S("high")};
}

SAMPLE(budget)
{
    UNUSED;
    rq->reasoning = (struct ir_reasoning){.kind = IR_THINK_BUDGET, .budget = 2048};
}

SAMPLE(shown)
{
    budget(w, rq);
    rq->reasoning.shown = IR_NO;
}

SAMPLE(reasoning_past)
{
    UNUSED;
    struct ir_message *m = say(rq, IR_ASSISTANT, NULL);
    struct ir_part *p = ir_part_add(rq, m, IR_PART_REASONING);
    p->text = S("hm");
    p->seal = (struct ir_seal){.value = S("sig"), .issuer = DIALECT_ANTHROPIC};
    ir_part_add(rq, m, IR_PART_TEXT)->text = S("yes");
    say(rq, IR_USER, "and?");
}

SAMPLE(json_mode)
{
    UNUSED;
    rq->format.kind = IR_FORMAT_OBJECT;
}

SAMPLE(json_schema)
{
    rq->format.kind = IR_FORMAT_SCHEMA;
    rq->format.schema = json(w, "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
                                "\"integer\",\"minimum\":1}}}");
}

/* NULL: the neutral form has no member for it, or the table refuses it; sideways says which. */
static const struct {
    enum ir_feature feature;
    sample_fn *sample;
} samples[] = {
    {CAN_MAX_TOKENS, max_tokens},
    {CAN_TEMPERATURE, temperature},
    {CAN_TOP_P, top_p},
    {CAN_TOP_K, top_k},
    {CAN_STOP, stop},
    {CAN_SEED, seed},
    {CAN_FREQUENCY_PENALTY, frequency},
    {CAN_PRESENCE_PENALTY, presence},
    {CAN_LOGIT_BIAS, bias},
    {CAN_LOGPROBS, logprobs},
    {CAN_SYSTEM, system_prompt},
    {CAN_DEVELOPER, developer},
    {CAN_SYSTEM_LATER, system_later},
    {CAN_AUTHOR_NAME, author},
    {CAN_PREFILL, prefill},
    {CAN_IMAGE_DATA, image},
    {CAN_IMAGE_URL, image_url},
    {CAN_IMAGE_DETAIL, detail},
    {CAN_DOCUMENT_DATA, document},
    {CAN_DOCUMENT_URL, document_url},
    {CAN_DOCUMENT_TEXT, document_text},
    {CAN_CACHE_MARK, cache_mark},
    {CAN_OWN_CONTENT, own_content},
    {CAN_TOOLS, tools},
    {CAN_TOOL_STRICT, strict},
    {CAN_TOOL_CHOICE, choice},
    {CAN_TOOL_CHOICE_ONE, choice_one},
    {CAN_TOOL_CHOICE_SOME, choice_some},
    {CAN_PARALLEL_CALLS, parallel},
    {CAN_DEFER_LOADING, deferred},
    {CAN_RESULT_IMAGE, result_image},
    {CAN_RESULT_DOCUMENT, result_document},
    {CAN_RESULT_ERROR, result_error},
    {CAN_WEB_SEARCH, web_search},
    {CAN_WEB_FETCH, web_fetch},
    {CAN_CODE_EXECUTION, code},
    {CAN_OWN_TOOL, own_tool},
    {CAN_EFFORT, effort},
    {CAN_BUDGET, budget},
    {CAN_REASONING_SHOWN, shown},
    {CAN_REASONING_PAST, reasoning_past},
    {CAN_JSON_MODE, json_mode},
    {CAN_JSON_SCHEMA, json_schema},
    {CAN_VERBOSITY, verbosity},
    {CAN_OUTPUT_AUDIO, wants_audio},
    {CAN_OUTPUT_IMAGE, wants_image},
    {CAN_SERVICE_TIER, tier},
    {CAN_METADATA, metadata},
    {CAN_USER, user},
    {CAN_CACHE_KEY, cache_key},
    {CAN_STORE, store},
};

/* No member of the neutral form says these: only src of the client's dialect does, which is not
 * looked at; or names_fit has made something else of them; or only this dialect's own clients say
 * them (test_own_features). */
static const enum ir_feature unsayable[] = {
    CAN_TOOL_CUSTOM,      CAN_TOOL_GRAMMAR,  CAN_TOOL_NAMESPACE,  CAN_FILE_SEARCH,
    CAN_IMAGE_GENERATION, CAN_MCP,           CAN_COMPUTER,        CAN_PREDICTION,
    CAN_SAFETY,           CAN_BACKGROUND,    CAN_CONTEXT_EDITING, CAN_OWN_OPTION,
    CAN_CITE_DOCUMENTS,   CAN_SEARCH_RESULT,
};

static bool has_sample(enum ir_feature f)
{
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        if (samples[i].feature == f)
            return true;
    }
    for (size_t i = 0; i < sizeof unsayable / sizeof unsayable[0]; i++) {
        if (unsayable[i] == f)
            return true;
    }
    return false;
}

static void test_every_feature_has_a_row_and_a_sample(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CAN_COUNT; i++) {
        const struct ir_fate_row *row = &codec_anthropic.fates[i];
        if (row->fate == FATE_UNSET || !row->wire || !row->note)
            fail_msg("no row: %s", ir_feature_text((enum ir_feature)i));
        if (ir_feature_asks((enum ir_feature)i) && row->fate != FATE_REFUSED &&
            !has_sample((enum ir_feature)i))
            fail_msg("no sample: %s", ir_feature_text((enum ir_feature)i));
    }
}

static void check_fate(struct world *w, enum ir_feature f, sample_fn *sample, str plain)
{
    struct ir_request rq, again;
    enum ir_fate fate = codec_anthropic.fates[f].fate;
    begin(w, &rq);
    sample(w, &rq);
    (void)written(w, &rq);
    str text = str_dup(&w->arena, buf_str(&w->out));
    bool same = str_eq(text, plain);
    if (fate == FATE_DROPPED ? !same && f != CAN_IMAGE_DETAIL : same)
        fail_msg("%s: %.*s", ir_feature_text(f), STR_FMT(text));
    if (lost_feature(w, f))
        fail_msg("%s was left out", ir_feature_text(f));
    if (codec_read_request(&codec_anthropic, text, &w->arena, &again, &w->fail))
        fail_msg("%s: %s", ir_feature_text(f), fail_text(&w->fail));
    if (ir_set_has(&again.said, f) != (fate == FATE_CARRIED))
        fail_msg("%s: said %d", ir_feature_text(f), ir_set_has(&again.said, f));
}

static void test_fates(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    (void)written(w, &rq);
    str plain = str_dup(&w->arena, buf_str(&w->out));
    want(w, "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":32000,\"messages\":[{\"role\":"
            "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]}");
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        check_fate(w, samples[i].feature, samples[i].sample, plain);
}

/* What only this dialect's own clients say. */
static void test_own_features(void **state)
{
    static const struct {
        enum ir_feature feature;
        const char *body;
    } rows[] = {
        {CAN_CITE_DOCUMENTS,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"citations\":"
         "{\"enabled\":true},\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
         "\"data\":\"a\"}}]}]}"},
        {CAN_SEARCH_RESULT,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"search_result\","
         "\"source\":\"https://a\",\"title\":\"t\",\"content\":[{\"type\":\"text\",\"text\":"
         "\"p\"}]}]}]}"},
        {CAN_MCP, "{\"messages\":[],\"mcp_servers\":[]}"},
        {CAN_MCP, "{\"messages\":[],\"tools\":[{\"type\":\"mcp_toolset\"}]}"},
        {CAN_COMPUTER, "{\"messages\":[],\"tools\":[{\"type\":\"computer_20250124\"}]}"},
        {CAN_OWN_TOOL, "{\"messages\":[],\"tools\":[{\"type\":\"advisor_20260301\"}]}"},
        {CAN_CONTEXT_EDITING, "{\"messages\":[],\"context_management\":{}}"},
        {CAN_OWN_OPTION, "{\"messages\":[],\"container\":\"c\"}"},
        {CAN_STATE, "{\"messages\":[],\"thread\":{\"type\":\"create\"}}"},
        {CAN_FILE_ID, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\","
                      "\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}]}]}"},
        {CAN_OWN_CONTENT, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
                          "\"container_upload\",\"file_id\":\"f\"}]}]}"},
        {CAN_DEFER_LOADING, "{\"messages\":[],\"tools\":[{\"name\":\"f\",\"input_schema\":{},"
                            "\"defer_loading\":true}]}"},
        {CAN_SYSTEM_LATER, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":"
                           "\"system\",\"content\":\"b\"}]}"},
        {CAN_CACHE_MARK, "{\"messages\":[],\"cache_control\":{\"type\":\"ephemeral\"}}"},
        {CAN_SERVICE_TIER, "{\"messages\":[],\"speed\":\"fast\"}"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ir_request rq;
        struct ir_target to = {.stream = false};
        if (codec_read_request(&codec_anthropic, str_c(rows[i].body), &w->arena, &rq, &w->fail))
            fail_msg("%s: %s", rows[i].body, fail_text(&w->fail));
        if (!ir_set_has(&rq.said, rows[i].feature))
            fail_msg("%s does not say %s", rows[i].body, ir_feature_text(rows[i].feature));
        buf_clear(&w->out);
        assert_int_equal(codec_anthropic.request_write(&rq, &to, &w->out, &w->fail), OK);
        want(w, rows[i].body);
    }
}

/* ---- threads ---- */

static void test_threads(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    struct dialect_error e = {.status = 400, .message = S("m")};
    assert_int_equal(codec_read_request(&codec_anthropic,
                                        S("{\"thread\":{\"type\":\"create\"},\"messages\":[]}"),
                                        &w->arena, &rq, &w->fail),
                     OK);
    enum err err = codec_anthropic.request_leave(&rq, &codec_chat, &w->fail);
    assert_int_equal(err, ERR_NO_THREAD);
    assert_int_equal(err_info(err)->status, 400);
    e.code = err_info(err)->code;
    buf_clear(&w->out);
    dialect_get(DIALECT_ANTHROPIC)->error_body(&e, &w->out);
    want(w, "{\"type\":\"error\",\"request_id\":null,\"error\":{\"type\":\"invalid_request_error\","
            "\"message\":\"m\",\"details\":{\"error_code\":\"thread_unsupported_request\","
            "\"unsupported\":[\"thread\"]}}}");
    assert_int_equal(codec_read_request(&codec_anthropic, S("{\"thread\":null,\"messages\":[]}"),
                                        &w->arena, &rq, &w->fail),
                     OK);
    assert_int_equal(codec_anthropic.request_leave(&rq, &codec_chat, &w->fail), OK);
}

static str written_again(struct world *w, str body, struct ir_target to)
{
    struct ir_request rq;
    assert_int_equal(codec_read_request(&codec_anthropic, body, &w->arena, &rq, &w->fail), OK);
    buf_clear(&w->out);
    assert_int_equal(codec_anthropic.request_write(&rq, &to, &w->out, &w->fail), OK);
    return buf_str(&w->out);
}

/* What we made up for the client while another dialect's provider answered does not reach one of
 * this dialect, who would refuse it. */
static void test_what_comes_from_elsewhere(void **state)
{
    struct world *w = *state;
    struct ir_seal seal = {.value = S("x"), .issuer = DIALECT_GEMINI};
    str packed = ir_seal_pack(&seal, DIALECT_ANTHROPIC, &w->arena);
#define ID "\"srvtoolu_" IR_SEAL_MARK "_1\""
    str body = arena_printf(
        &w->arena,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\","
        "\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"%.*s\"},{"
        "\"type\":\"redacted_thinking\",\"data\":\"%.*s\"}]},{\"role\":\"user\",\"content\":"
        "\"v\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"server_tool_use\",\"id\":" ID
        ",\"name\":\"web_search\",\"input\":{}},{\"type\":\"web_search_tool_result\","
        "\"tool_use_id\":" ID ",\"content\":[]},{\"type\":\"text\",\"text\":\"a\",\"citations\":["
        "{\"type\":\"web_search_result_location\",\"encrypted_index\":\"" IR_SEAL_MARK "\"}]},"
        "{\"type\":\"text\",\"text\":\"b\",\"citations\":[{\"type\":\"char_location\"}]}]}]}",
        STR_FMT(packed), STR_FMT(packed));
    assert_true(ir_seal_mentioned(body));
    written_again(w, body, (struct ir_target){.stream = false});
    want(w, "{\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"user\",\"content\":"
            "\"v\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{"
            "\"type\":\"text\",\"text\":\"b\",\"citations\":[{\"type\":\"char_location\"}]}]}]}");
    assert_false(ir_seal_mentioned(buf_str(&w->out)));
}

/* Amid calls that were thought out elsewhere a budget is refused, and adaptive thinking is not;
 * copies of the API live on what they are told they thought. */
static void test_calls_from_elsewhere(void **state)
{
#define THOUGHT(signature) \
    "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"" signature "\"},"
#define USER(content)      "{\"role\":\"user\",\"content\":" content "}"
#define ASSISTANT(content) "{\"role\":\"assistant\",\"content\":[" content "]}"
#define CALL               "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}"
#define RESULT             "[{\"type\":\"tool_result\",\"tool_use_id\":\"t\"}]"
#define CALLED(thought, thinking)                                           \
    S("{\"messages\":[" USER("\"u\"") "," ASSISTANT(thought CALL) "," USER( \
        RESULT) "],"                                                        \
                "\"thinking\":{" thinking "}}")
#define BUDGET "\"type\":\"enabled\",\"budget_tokens\":2000"
    struct world *w = *state;
    struct ir_target claude = {.model = S("claude-opus-4-5")};
    struct ir_target other = {.model = S("kimi-k3"), .is_compat = true};
    str marked = CALLED(THOUGHT(IR_SEAL_MARK), BUDGET), own = CALLED(THOUGHT("x"), BUDGET);
    str body = written_again(w, marked, claude);
    assert_int_equal(str_find(body, S("thinking")), body.n);
    assert_true(str_find(body, S("tool_use")) < body.n);
    body = written_again(w, CALLED(THOUGHT(IR_SEAL_MARK), "\"type\":\"adaptive\""), claude);
    assert_true(str_find(body, S("adaptive")) < body.n);
    assert_int_equal(str_find(body, S("hm")), body.n);
    str kept[] = {marked, own, CALLED("", BUDGET)};
    for (size_t i = 0; i < 3; i++) { /* but for the model's name */
        body = written_again(w, kept[i], i ? claude : other);
        assert_true(str_find(body, str_from(kept[i], 1)) < body.n);
    }
}

/* ---- hostile input ---- */

static const char *const bad_bodies[] = {
    "{}",
    "{\"messages\":1}",
    "{\"messages\":[1]}",
    "{\"messages\":[{\"role\":\"bot\",\"content\":\"\"}]}",
    "{\"messages\":[{\"role\":\"user\"}]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":3}]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":[3]}]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":[{}]}]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":1}]}]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{}}]}]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":3}]}]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"tool_use_id\":[]}]}]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"content\":[1]}]}]}",
    "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\"}]}]}",
    "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":{}}]}]}",
    "{\"messages\":[],\"system\":1}",
    "{\"messages\":[],\"system\":[{\"type\":\"text\"}]}",
    "{\"messages\":[],\"tools\":{}}",
    "{\"messages\":[],\"tools\":[1]}",
    "{\"messages\":[],\"tools\":[{}]}",
    "{\"messages\":[],\"tools\":[{\"name\":\"f\",\"input_schema\":[]}]}",
    "{\"messages\":[],\"tool_choice\":\"any\"}",
    "{\"messages\":[],\"tool_choice\":{\"type\":\"tool\"}}",
    "{\"messages\":[],\"thinking\":true}",
    "{\"messages\":[],\"thinking\":{}}",
    "{\"messages\":[],\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":-1}}",
    "{\"messages\":[],\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":\"x\"}}",
    "{\"messages\":[],\"output_config\":[]}",
    "{\"messages\":[],\"output_config\":{\"effort\":3}}",
    "{\"messages\":[],\"output_config\":{\"format\":3}}",
    "{\"messages\":[],\"output_format\":3}",
    "{\"messages\":[],\"metadata\":3}",
    "{\"messages\":[],\"stop_sequences\":\"x\"}",
    "{\"messages\":[],\"stop_sequences\":[1]}",
    "{\"messages\":[],\"max_tokens\":\"1\"}",
    "{\"messages\":[],\"temperature\":true}",
    "{\"messages\":[],\"model\":1}",
    "{\"messages\":[],\"service_tier\":1}",
    "{\"messages\":[],\"speed\":1}",
};

static void test_wrong_types_are_refused(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof bad_bodies / sizeof bad_bodies[0]; i++) {
        struct ir_request rq;
        w->fail.text[0] = '\0';
        if (codec_read_request(&codec_anthropic, str_c(bad_bodies[i]), &w->arena, &rq, &w->fail) !=
                ERR_BAD_REQUEST ||
            !w->fail.text[0])
            fail_msg("taken: %s", bad_bodies[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_feature_has_a_row_and_a_sample),
        cmocka_unit_test(test_fates),
        cmocka_unit_test(test_own_features),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_what_comes_from_elsewhere),
        cmocka_unit_test(test_calls_from_elsewhere),
        cmocka_unit_test(test_wrong_types_are_refused),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
