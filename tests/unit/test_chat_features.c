/*
 * What the chat dialect's table of features promises, held against what its writer does: a sample
 * request for each feature is read, taken for another dialect's, written and read again. What is
 * carried must be said again, what is dropped must be gone and named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "dialect/codec.h"

#define USER       "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"
#define PARTS(p)   "\"messages\":[{\"role\":\"user\",\"content\":[" p "]}]"
#define TOOL(more) "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"" more "}}]"
#define RESULT(p)                                                                                  \
    "\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"tool_calls\":[" \
    "{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"   \
    "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":[" p "]}]"
#define PNG \
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBORw0KGgo=\"}}"
#define PDF                                                                                     \
    "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;" \
    "base64,JVBERi0=\"}}"

/* What the sample is written for. */
#define OLD   "gpt-4.1", false
#define NEW   "gpt-5.6", false
#define COPY  "deepseek-v4", true
#define SEEKS "gpt-4o-search-preview", false

static const struct sample {
    enum ir_feature feature;
    const char *body, *model;
    bool is_compat;
    enum ir_feature becomes; /* 0 (MAX_TOKENS) unless it is said again as something else */
} samples[] = {
    {CAN_MAX_TOKENS, USER ",\"max_tokens\":5", OLD, 0},
    {CAN_MAX_TOKENS, USER ",\"max_completion_tokens\":5", COPY, 0},
    {CAN_TEMPERATURE, USER ",\"temperature\":0.5", OLD, 0},
    {CAN_TOP_P, USER ",\"top_p\":0.5", OLD, 0},
    {CAN_TOP_K, USER ",\"top_k\":5", COPY, 0},
    {CAN_STOP, USER ",\"stop\":[\"a\"]", OLD, 0},
    {CAN_SEED, USER ",\"seed\":5", OLD, 0},
    {CAN_FREQUENCY_PENALTY, USER ",\"frequency_penalty\":1", OLD, 0},
    {CAN_PRESENCE_PENALTY, USER ",\"presence_penalty\":1", OLD, 0},
    {CAN_LOGIT_BIAS, USER ",\"logit_bias\":{\"1\":1}", OLD, 0},
    {CAN_LOGPROBS, USER ",\"logprobs\":true,\"top_logprobs\":2", OLD, 0},
    {CAN_CHOICES, USER ",\"n\":2", OLD, 0},
    {CAN_SYSTEM, "\"messages\":[{\"role\":\"system\",\"content\":\"s\"}]", OLD, 0},
    {CAN_DEVELOPER, "\"messages\":[{\"role\":\"developer\",\"content\":\"s\"}]", OLD, 0},
    {CAN_SYSTEM_LATER,
     "\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"system\",\"content\":\"s\"}]",
     OLD, 0},
    {CAN_AUTHOR_NAME, "\"messages\":[{\"role\":\"user\",\"name\":\"n\",\"content\":\"x\"}]", OLD,
     0},
    {CAN_PREFILL,
     "\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":\"y\"}]",
     OLD, 0},
    {CAN_IMAGE_DATA, PARTS(PNG), OLD, 0},
    {CAN_IMAGE_URL, PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":\"http://a/b\"}}"), OLD,
     0},
    {CAN_IMAGE_DETAIL,
     PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":\"http://a/b\",\"detail\":\"low\"}}"),
     OLD, 0},
    {CAN_AUDIO_DATA,
     PARTS("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"UklGRg==\",\"format\":\"wav\"}}"),
     OLD, 0},
    {CAN_VIDEO, PARTS("{\"type\":\"video_url\",\"video_url\":{\"url\":\"http://a/b\"}}"), COPY, 0},
    {CAN_DOCUMENT_DATA, PARTS(PDF), OLD, 0},
    {CAN_DOCUMENT_URL, PARTS("{\"type\":\"file\",\"file\":{\"file_data\":\"http://a/b.pdf\"}}"),
     COPY, 0},
    {CAN_FILE_ID, PARTS("{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}"), OLD, 0},
    {CAN_CACHE_MARK,
     PARTS("{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{\"type\":\"ephemeral\"}}"), NEW,
     0},
    {CAN_CACHE_MARK,
     PARTS("{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{\"type\":\"ephemeral\"}}"),
     "anthropic/claude-sonnet-4.5", true, 0},
    {CAN_OWN_CONTENT, PARTS("{\"type\":\"hologram\"},{\"type\":\"text\",\"text\":\"x\"}"), OLD, 0},
    {CAN_TOOLS, USER "," TOOL(""), OLD, 0},
    {CAN_TOOL_STRICT,
     USER "," TOOL(",\"strict\":true,\"parameters\":{\"type\":\"object\",\"properties\":{},"
                   "\"additionalProperties\":false,\"required\":[]}"),
     OLD, 0},
    {CAN_TOOL_CUSTOM, USER ",\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}]", NEW,
     0},
    {CAN_TOOL_CUSTOM, USER ",\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}]", COPY,
     CAN_TOOLS},
    {CAN_TOOL_GRAMMAR,
     USER
     ",\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\",\"format\":{\"type\":\"grammar\","
     "\"grammar\":{\"syntax\":\"lark\",\"definition\":\"start: A\"}}}}]",
     NEW, 0},
    {CAN_TOOL_CHOICE, USER "," TOOL("") ",\"tool_choice\":\"required\"", OLD, 0},
    {CAN_TOOL_CHOICE_ONE,
     USER "," TOOL("") ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}",
     OLD, 0},
    {CAN_TOOL_CHOICE_SOME,
     USER "," TOOL(
         "") ",\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\","
             "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}}",
     NEW, 0},
    {CAN_PARALLEL_CALLS, USER "," TOOL("") ",\"parallel_tool_calls\":false", OLD, 0},
    {CAN_DEFER_LOADING, USER "," TOOL(",\"defer_loading\":true"), OLD, 0},
    {CAN_RESULT_IMAGE, RESULT(PNG), OLD, CAN_IMAGE_DATA},
    {CAN_RESULT_DOCUMENT, RESULT(PDF), OLD, CAN_DOCUMENT_DATA},
    {CAN_WEB_SEARCH, USER ",\"web_search_options\":{}", SEEKS, 0},
    {CAN_WEB_FETCH, USER ",\"tools\":[{\"url_context\":{}}]", OLD, 0},
    {CAN_CODE_EXECUTION, USER ",\"tools\":[{\"code_execution\":{}}]", OLD, 0},
    {CAN_OWN_TOOL, USER ",\"tools\":[{\"type\":\"retrieval\"}]", OLD, 0},
    {CAN_EFFORT, USER ",\"reasoning_effort\":\"low\"", NEW, 0},
    {CAN_EFFORT, USER ",\"thinking\":{\"type\":\"disabled\"}", COPY, 0},
    {CAN_BUDGET, USER ",\"reasoning\":{\"max_tokens\":900}", NEW, CAN_EFFORT},
    {CAN_REASONING_SHOWN, USER ",\"include_reasoning\":true", NEW, 0},
    {CAN_REASONING_PAST,
     "\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":\"y\","
     "\"reasoning_content\":\"z\"}]",
     COPY, 0},
    {CAN_JSON_MODE, USER ",\"response_format\":{\"type\":\"json_object\"}", OLD, 0},
    {CAN_JSON_SCHEMA,
     USER ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}", OLD,
     0},
    {CAN_VERBOSITY, USER ",\"verbosity\":\"low\"", NEW, 0},
    {CAN_OUTPUT_AUDIO, USER ",\"modalities\":[\"text\",\"audio\"]", OLD, 0},
    {CAN_OUTPUT_IMAGE, USER ",\"modalities\":[\"text\",\"image\"]", COPY, 0},
    {CAN_PREDICTION, USER ",\"prediction\":{\"type\":\"content\",\"content\":\"x\"}", OLD, 0},
    {CAN_SERVICE_TIER, USER ",\"service_tier\":\"flex\"", OLD, 0},
    {CAN_METADATA, USER ",\"metadata\":{\"a\":\"b\"},\"store\":true", OLD, 0},
    {CAN_USER, USER ",\"user\":\"u\"", OLD, 0},
    {CAN_CACHE_KEY, USER ",\"prompt_cache_key\":\"k\"", OLD, 0},
    {CAN_SAFETY, USER ",\"moderation\":{\"model\":\"m\"}", OLD, 0},
    {CAN_STORE, USER ",\"store\":true", OLD, 0},
    {CAN_OWN_OPTION, USER ",\"response_format\":{\"type\":\"grammar\"}", OLD, 0},
};

enum { SAMPLES = sizeof samples / sizeof samples[0] };

/* What a chat client cannot say; vectors show what the writer makes of it. */
static const enum ir_feature foreign[] = {
    CAN_DOCUMENT_TEXT,
    CAN_CITE_DOCUMENTS,
    CAN_SEARCH_RESULT,
    CAN_TOOL_NAMESPACE,
    CAN_RESULT_ERROR,
    CAN_FILE_SEARCH,
    CAN_IMAGE_GENERATION,
    CAN_MCP,
    CAN_COMPUTER,
    CAN_CACHED_CONTENT,
    CAN_STATE,
    CAN_BACKGROUND,
    CAN_CONTEXT_EDITING,
};

static void read_body(const char *body, size_t n, struct arena *a, struct ir_request *rq)
{
    struct fail f;
    if (codec_read_request(&codec_chat, str_of(body, n), a, rq, &f) != OK)
        fail_msg("%.*s: %s", (int)n, body, fail_text(&f));
}

static bool names_loss(const struct ir_losses *lost, enum ir_feature f)
{
    const char *wire = codec_chat.fates[f].wire;
    str name = str_c(wire[0] ? wire : ir_feature_text(f));
    for (size_t i = 0; i < lost->n; i++) {
        if (str_eq(lost->names[i], name))
            return true;
    }
    return false;
}

static void run(const struct sample *s)
{
    struct arena a;
    struct ir_request rq, again;
    struct ir_names names;
    struct ir_losses lost = {0};
    struct buf out;
    struct fail f;
    char body[2000];
    enum ir_fate fate = codec_chat.fates[s->feature].fate;
    enum ir_feature becomes = s->becomes ? s->becomes : s->feature;
    const char *what = ir_feature_text(s->feature);
    arena_init(&a);
    buf_init(&out, 1 << 20);
    int n = snprintf(body, sizeof body, "{\"model\":\"m\",%s}", s->body);
    read_body(body, (size_t)n, &a, &rq);
    if (!ir_set_has(&rq.said, s->feature))
        fail_msg("%s: not noticed in %s", what, body);
    /* As if a client of the other API by the same vendor had asked: it has the same files. Names in
     * *lost are that dialect's, so the table of this one is asked separately. */
    assert_int_equal(ir_losses_settle(&rq.said, codec_chat.fates, codec_chat.fates, "x", &lost, &f),
                     OK);
    assert_true(names_loss(&lost, s->feature) == (fate == FATE_DROPPED));
    rq.from = DIALECT_RESPONSES;
    struct ir_target to = {.model = str_c(s->model), .is_compat = s->is_compat};
    if (codec_write_request(&codec_chat, &rq, &to, &a, &names, &lost, &out, &f) != OK)
        fail_msg("%s: %s", what, fail_text(&f));
    read_body(out.p, out.n, &a, &again);
    bool said = ir_set_has(&again.said, becomes);
    if (fate == FATE_DROPPED ? said : !said)
        fail_msg("%s: fate %d, but it became %.*s", what, (int)fate, (int)out.n, out.p);
    buf_fini(&out);
    arena_fini(&a);
}

static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++)
        run(&samples[i]);
}

static bool has_sample(enum ir_feature f)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        if (samples[i].feature == f)
            return true;
    }
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        if (foreign[i] == f)
            return true;
    }
    return false;
}

/* Every row is there, every dropped or refused one says why or has a spelling, and each feature of
 * requests has a sample. */
static void test_rows(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CAN_COUNT; i++) {
        enum ir_feature f = (enum ir_feature)i;
        const struct ir_fate_row *row = &codec_chat.fates[i];
        if (row->fate == FATE_UNSET || !row->wire || !row->note)
            fail_msg("%s has no row", ir_feature_text(f));
        if (ir_feature_asks(f) && !has_sample(f))
            fail_msg("%s has no sample", ir_feature_text(f));
        if (row->fate == FATE_CARRIED && !row->wire[0])
            fail_msg("%s is carried without a spelling", ir_feature_text(f));
    }
}

/* What depends on the very target is named as lost where it is left out. */
static void test_targets(void **state)
{
    static const struct {
        const char *body, *model;
        bool is_compat;
        const char *lost;
    } cases[] = {
        {USER ",\"verbosity\":\"low\"", OLD, "verbosity"},
        {USER ",\"service_tier\":\"flex\"", COPY, "service_tier"},
        {USER ",\"temperature\":0.3", "o3", false, "temperature"},
        {USER ",\"temperature\":0.3,\"reasoning_effort\":\"low\"", NEW, "temperature"},
        {USER ",\"user\":\"u\"", COPY, "user"},
        {USER ",\"store\":true", COPY, "store"},
        {USER ",\"metadata\":{\"a\":\"b\"}", OLD, "metadata"},
        {USER ",\"prompt_cache_key\":\"k\"", COPY, "prompt_cache_key"},
        {USER ",\"modalities\":[\"image\"]", OLD, "image output"},
        {USER ",\"web_search_options\":{}", OLD, "web_search"},
        {USER "," TOOL("") ",\"parallel_tool_calls\":false", "o3", false, "parallel_tool_calls"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct ir_request rq;
        struct ir_names names;
        struct ir_losses lost = {0};
        struct buf out;
        struct fail f;
        char body[2000];
        arena_init(&a);
        buf_init(&out, 1 << 20);
        int n = snprintf(body, sizeof body, "{\"model\":\"m\",%s}", cases[i].body);
        read_body(body, (size_t)n, &a, &rq);
        rq.from = DIALECT_RESPONSES;
        struct ir_target to = {.model = str_c(cases[i].model), .is_compat = cases[i].is_compat};
        assert_int_equal(codec_write_request(&codec_chat, &rq, &to, &a, &names, &lost, &out, &f),
                         OK);
        if (lost.n != 1 || !str_eq(lost.names[0], str_c(cases[i].lost)))
            fail_msg("%s: %zu lost, %.*s", cases[i].body, lost.n, STR_FMT(lost.names[0]));
        buf_fini(&out);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_targets),
    };
    hash_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
