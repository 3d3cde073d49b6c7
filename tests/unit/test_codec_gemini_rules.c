/*
 * What the Gemini codec promises in its table of features is what it does; what depends on the
 * model; and that no document, however wrong, does more than be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dialect/gemini/gemini.h"
#include "dialect/gemini/offsets.h"
#include "ir/answer.h"
#include "ir/print.h"
#include "ir/seal.h"
#include "ir/turns.h"
#include "support/translate.h"

static const struct codec *const gemini = &codec_gemini;

/* ---- promises ---- */

/* Texts below use ' for ". */
static str quoted(const char *text, struct arena *a)
{
    size_t n = strlen(text);
    char *p = arena_alloc(a, n + 1);
    for (size_t i = 0; i <= n; i++)
        p[i] = text[i] == '\'' ? '"' : text[i];
    return str_of(p, n);
}

#define HI              "'contents':[{'role':'user','parts':[{'text':'hi'}]}]"
#define CONFIG(members) "{" HI ",'generationConfig':{" members "}}"
#define PART(part)      "{'contents':[{'role':'user','parts':[" part "]}]}"
#define TOOLS(rest)     "{" HI ",'tools':[{'functionDeclarations':[{'name':'f'}]}]" rest "}"
#define CALLED(response)                                                        \
    "{'contents':[{'role':'user','parts':[{'text':'hi'}]},{'role':'model',"     \
    "'parts':[{'functionCall':{'name':'f','id':'1'}}]},{'role':'user','parts':" \
    "[{'functionResponse':{'name':'f','id':'1'," response "}}]}]}"

/*
 * One request for each feature that Gemini's own clients can say. Written for a provider of Gemini
 * as if it had come from elsewhere, and read again, it says the same if the table says so, and does
 * not if the table says it is dropped.
 */
static const struct sample {
    enum ir_feature feature;
    const char *body;
    const char *model; /* NULL: gemini-3-flash-preview */
} samples[] = {
    {CAN_MAX_TOKENS, CONFIG("'maxOutputTokens':5"), NULL},
    {CAN_TEMPERATURE, CONFIG("'temperature':0.5"), NULL},
    {CAN_TOP_P, CONFIG("'topP':0.5"), NULL},
    {CAN_TOP_K, CONFIG("'topK':5"), NULL},
    {CAN_STOP, CONFIG("'stopSequences':['a']"), NULL},
    {CAN_SEED, CONFIG("'seed':5"), NULL},
    {CAN_FREQUENCY_PENALTY, CONFIG("'frequencyPenalty':0.5"), "gemini-2.0-flash"},
    {CAN_PRESENCE_PENALTY, CONFIG("'presencePenalty':0.5"), "gemini-2.0-flash"},
    {CAN_LOGPROBS, CONFIG("'responseLogprobs':true"), NULL},
    {CAN_CHOICES, CONFIG("'candidateCount':2"), NULL},
    {CAN_SYSTEM, "{" HI ",'systemInstruction':{'parts':[{'text':'be'}]}}", NULL},
    {CAN_PREFILL,
     "{'contents':[{'parts':[{'text':'hi'}]},{'role':'model','parts':[{'text':'It'}]}]}", NULL},
    {CAN_IMAGE_DATA, PART("{'inlineData':{'mimeType':'image/png','data':'AAAA'}}"), NULL},
    {CAN_IMAGE_URL, PART("{'fileData':{'mimeType':'image/png','fileUri':'https://a.test/b'}}"),
     NULL},
    {CAN_AUDIO_DATA, PART("{'inlineData':{'mimeType':'audio/wav','data':'AAAA'}}"), NULL},
    {CAN_VIDEO, PART("{'fileData':{'fileUri':'https://youtu.be/x'}}"), NULL},
    {CAN_DOCUMENT_DATA, PART("{'inlineData':{'mimeType':'application/pdf','data':'AAAA'}}"), NULL},
    {CAN_DOCUMENT_URL,
     PART("{'fileData':{'mimeType':'application/pdf','fileUri':'https://a.test/b'}}"), NULL},
    {CAN_FILE_ID, PART("{'fileData':{'mimeType':'image/png','fileUri':'gs://a/b'}}"), NULL},
    {CAN_OWN_CONTENT, PART("{'text':'hi'},{'toolCall':{'toolType':'x','id':'1'}}"), NULL},
    {CAN_TOOLS, TOOLS(""), NULL},
    {CAN_TOOL_STRICT, TOOLS(",'toolConfig':{'functionCallingConfig':{'mode':'VALIDATED'}}"), NULL},
    {CAN_TOOL_CHOICE, TOOLS(",'toolConfig':{'functionCallingConfig':{'mode':'NONE'}}"), NULL},
    {CAN_TOOL_CHOICE_ONE,
     TOOLS(",'toolConfig':{'functionCallingConfig':{'mode':'ANY','allowedFunctionNames':['f']}}"),
     NULL},
    {CAN_TOOL_CHOICE_SOME,
     TOOLS(
         ",'toolConfig':{'functionCallingConfig':{'mode':'VALIDATED','allowedFunctionNames':['f']}}"),
     NULL},
    {CAN_DEFER_LOADING,
     "{" HI ",'tools':[{'functionDeclarations':[{'name':'f','defer_loading':true}]}]}", NULL},
    {CAN_RESULT_ERROR, CALLED("'response':{'error':'x'}"), NULL},
    {CAN_WEB_SEARCH, "{" HI ",'tools':[{'googleSearch':{}}]}", NULL},
    {CAN_WEB_FETCH, "{" HI ",'tools':[{'urlContext':{}}]}", NULL},
    {CAN_CODE_EXECUTION, "{" HI ",'tools':[{'codeExecution':{}}]}", NULL},
    {CAN_FILE_SEARCH, "{" HI ",'tools':[{'fileSearch':{}}]}", NULL},
    {CAN_MCP, "{" HI ",'tools':[{'mcpServers':[{}]}]}", NULL},
    {CAN_COMPUTER, "{" HI ",'tools':[{'computerUse':{}}]}", NULL},
    {CAN_OWN_TOOL, "{" HI ",'tools':[{'googleMaps':{}}]}", NULL},
    {CAN_EFFORT, CONFIG("'thinkingConfig':{'thinkingLevel':'low'}"), NULL},
    {CAN_BUDGET, CONFIG("'thinkingConfig':{'thinkingBudget':512}"), NULL},
    {CAN_REASONING_SHOWN, CONFIG("'thinkingConfig':{'includeThoughts':true}"), NULL},
    {CAN_REASONING_PAST,
     "{'contents':[{'parts':[{'text':'hi'}]},{'role':'model','parts':[{'text':'Hm','thought':true,"
     "'thoughtSignature':'c2ln'},{'text':'so'}]},{'parts':[{'text':'and?'}]}]}",
     NULL},
    {CAN_JSON_MODE, CONFIG("'responseMimeType':'application/json'"), NULL},
    {CAN_JSON_SCHEMA,
     CONFIG("'responseMimeType':'application/json','responseJsonSchema':{'type':'object'}"), NULL},
    {CAN_OUTPUT_AUDIO, CONFIG("'responseModalities':['AUDIO']"), NULL},
    {CAN_OUTPUT_IMAGE, CONFIG("'responseModalities':['TEXT','IMAGE']"), NULL},
    {CAN_SERVICE_TIER, "{" HI ",'serviceTier':'flex'}", NULL},
    {CAN_METADATA, "{" HI ",'labels':{'a':'b'}}", NULL},
    {CAN_CACHED_CONTENT, "{" HI ",'cachedContent':'cachedContents/x'}", NULL},
    {CAN_SAFETY, "{" HI ",'safetySettings':[{}]}", NULL},
    {CAN_OWN_OPTION, CONFIG("'mediaResolution':'MEDIA_RESOLUTION_LOW'"), NULL},
};

/* What no client of Gemini can say stands in vectors of the dialects that say it. */
static const enum ir_feature unsaid_here[] = {
    CAN_LOGIT_BIAS,
    CAN_DEVELOPER,
    CAN_SYSTEM_LATER,
    CAN_AUTHOR_NAME,
    CAN_IMAGE_DETAIL,
    CAN_DOCUMENT_TEXT,
    CAN_CITE_DOCUMENTS,
    CAN_SEARCH_RESULT,
    CAN_CACHE_MARK,
    CAN_TOOL_CUSTOM,
    CAN_TOOL_GRAMMAR,
    CAN_TOOL_NAMESPACE,
    CAN_PARALLEL_CALLS,
    CAN_RESULT_IMAGE,
    CAN_RESULT_DOCUMENT,
    CAN_IMAGE_GENERATION,
    CAN_VERBOSITY,
    CAN_PREDICTION,
    CAN_USER,
    CAN_CACHE_KEY,
    CAN_STORE,
    CAN_STATE,
    CAN_BACKGROUND,
    CAN_CONTEXT_EDITING,
};

static void check_sample(const struct sample *s)
{
    struct arena a;
    struct written_request w = {.lost = {.n = 0}};
    struct ir_request rq;
    struct ir_target to = {.model = str_c(s->model ? s->model : "gemini-3-flash-preview"),
                           .lost = &w.lost};
    arena_init(&a);
    buf_init(&w.out, 1 << 20);
    str body = quoted(s->body, &a);
    if (codec_read_request(gemini, body, &a, &rq, &w.fail))
        fail_msg("%s: %s", s->body, fail_text(&w.fail));
    if (!ir_set_has(&rq.said, s->feature))
        fail_msg("%s does not say %s", s->body, ir_feature_text(s->feature));
    rq.from = DIALECT_CHAT; /* what only src has is out of reach */
    ir_turns_fit(&rq, gemini->turns);
    assert_int_equal(gemini->request_write(&rq, &to, &w.out, &w.fail), OK);
    if (codec_read_request(gemini, buf_str(&w.out), &a, &rq, &w.fail))
        fail_msg("%s: %s", buf_c(&w.out), fail_text(&w.fail));
    enum ir_fate fate = gemini->fates[s->feature].fate;
    bool carried = fate == FATE_CARRIED || fate == FATE_APPROX;
    /* A file of Gemini's own is refused as long as it came from elsewhere. */
    if (fate != FATE_REFUSED && ir_set_has(&rq.said, s->feature) != carried)
        fail_msg("%s: %s\n%s", ir_feature_text(s->feature), carried ? "is lost" : "is there",
                 buf_c(&w.out));
    buf_fini(&w.out);
    arena_fini(&a);
}

static void test_promises(void **state)
{
    struct ir_set seen = {{0}};
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        check_sample(&samples[i]);
        ir_set_add(&seen, samples[i].feature);
    }
    for (size_t i = 0; i < sizeof unsaid_here / sizeof unsaid_here[0]; i++)
        ir_set_add(&seen, unsaid_here[i]);
    for (unsigned f = 0; f < CAN_COUNT; f++) {
        if (gemini->fates[f].fate == FATE_UNSET)
            fail_msg("no row for %s", ir_feature_text((enum ir_feature)f));
        if (ir_feature_asks((enum ir_feature)f) && !ir_set_has(&seen, (enum ir_feature)f))
            fail_msg("no sample for %s", ir_feature_text((enum ir_feature)f));
    }
}

/* ---- models ---- */

static void test_models(void **state)
{
    static const struct {
        const char *name;
        bool json_schema, third, penalties, gemma;
    } rows[] = {
        {"gemini-3-flash-preview", true, true, false, false},
        {"gemini-3.6-flash", true, true, false, false},
        {"gemini-10.1-pro", true, true, false, false},
        {"gemini-flash-latest", true, true, false, false},
        {"models/gemini-2.5-pro", true, false, false, false},
        {"publishers/google/models/gemini-2.5-flash-lite", true, false, false, false},
        {"gemini-2.0-flash-001", false, false, true, false},
        {"gemini-1.5-pro", false, false, true, false},
        {"gemini-pro", false, false, true, false},
        {"gemma-3-27b-it", false, false, true, true},
        {"claude-opus-4-6", false, false, true, false},
        {"", false, false, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ir_target to = {.model = str_c(rows[i].name)};
        struct gemini_model m = gemini_model_of(&to);
        if (m.json_schema != rows[i].json_schema || m.third != rows[i].third ||
            m.penalties != rows[i].penalties || m.gemma != rows[i].gemma)
            fail_msg("%s: %d %d %d %d", rows[i].name, m.json_schema, m.third, m.penalties, m.gemma);
        to.is_compat = true;
        assert_false(gemini_model_of(&to).json_schema);
    }
    struct ir_target vertex = {.model = S("gemini-2.5-pro"), .vertex = true};
    assert_true(gemini_model_of(&vertex).penalties);
}

/* ---- small things ---- */

static void test_finish(void **state)
{
    (void)state;
    assert_true(str_eq(gemini_finish_word(IR_FINISH_STOP, S("end_turn")), S("STOP")));
    assert_true(str_eq(gemini_finish_word(IR_FINISH_CALLS, S("tool_use")), S("STOP")));
    assert_true(str_eq(gemini_finish_word(IR_FINISH_SEQUENCE, S("")), S("STOP")));
    assert_true(str_eq(gemini_finish_word(IR_FINISH_PAUSED, S("pause_turn")), S("STOP")));
    assert_true(str_eq(gemini_finish_word(IR_FINISH_LENGTH, S("length")), S("MAX_TOKENS")));
    assert_true(str_eq(gemini_finish_word(IR_FINISH_REFUSED, S("refusal")), S("SAFETY")));
    assert_true(str_eq(gemini_finish_word(IR_FINISH_FILTERED, S("SPII")), S("SPII")));
    assert_true(str_eq(gemini_finish_word(IR_FINISH_UNKNOWN, S("odd")), S("OTHER")));
    assert_true(str_eq(gemini_finish_word(IR_FINISH_CALLS, S("UNEXPECTED_TOOL_CALL")),
                       S("UNEXPECTED_TOOL_CALL")));
    /* Another dialect's word that happens to be one of ours, with another meaning. */
    assert_true(str_eq(gemini_finish_word(IR_FINISH_LENGTH, S("STOP")), S("MAX_TOKENS")));
    assert_true(str_eq(gemini_finish_by_number(17), S("IMAGE_RECITATION")));
    assert_true(str_eq(gemini_finish_by_number(99), S("")));
    assert_int_equal(gemini_finish_of(S("RECITATION")), IR_FINISH_FILTERED);
    assert_int_equal(gemini_finish_of(S("BRAND_NEW")), IR_FINISH_UNKNOWN);
}

/* Against counting by hand, in texts whose parts fall anywhere. */
static void test_offsets(void **state)
{
    static const str pieces[] = {S("plain ascii, longer than eight"),
                                 S("Gr\xc3\xbc"),
                                 S("\xc3"),
                                 S("\x9f"),
                                 S("\xe2\x82\xac\xf0\x9f\x98\x80"),
                                 S("")};
    struct arena a;
    struct buf all;
    struct offsets o = {.n = 0};
    (void)state;
    arena_init(&a);
    buf_init(&all, 1 << 20);
    for (size_t i = 0; i < 600; i++) {
        str piece = pieces[i * 7 % 6];
        offsets_add(&o, &a, piece);
        buf_put(&all, piece);
    }
    assert_int_equal(o.n, all.n);
    size_t chars = 0;
    for (size_t at = 0; at < all.n; at++) {
        assert_int_equal(offsets_chars(&o, at), chars);
        if (((unsigned char)all.p[at] & 0xc0) != 0x80)
            assert_int_equal(offsets_byte(&o, chars++), at);
    }
    assert_int_equal(offsets_chars(&o, SIZE_MAX), chars);
    assert_int_equal(offsets_byte(&o, chars), all.n);
    assert_int_equal(offsets_byte(&o, SIZE_MAX), all.n);
    buf_fini(&all);
    arena_fini(&a);
}

static void test_counts_and_errors(void **state)
{
    static const struct {
        const char *body;
        int status, want;
        const char *message, *type;
    } errors[] = {
        {"{'error':{'code':429,'message':'slow','status':'RESOURCE_EXHAUSTED'}}", 429, 429, "slow",
         "RESOURCE_EXHAUSTED"},
        {"[{'error':{'code':400,'message':'bad','status':'INVALID_ARGUMENT'}}]", 0, 400, "bad",
         "INVALID_ARGUMENT"},
        {"{'response':{'error':{'message':'odd'}}}", 0, 502, "odd", ""},
        {"{'error':'text'}", 500, 500, "text", ""},
        {"{'error':{'code':7}}", 0, 502, "", ""},
    };
    struct arena a;
    struct ir_error e;
    uint64_t n;
    yyjson_val *v;
    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        assert_int_equal(json_read(quoted(errors[i].body, &a), &a, &v, NULL), OK);
        assert_true(gemini->read_error(v, errors[i].status, &e));
        assert_int_equal(e.status, errors[i].want);
        assert_true(str_eq(e.message, str_c(errors[i].message)));
        assert_true(str_eq(e.type, str_c(errors[i].type)));
    }
    assert_int_equal(json_read(quoted("{'candidates':[]}", &a), &a, &v, NULL), OK);
    assert_false(gemini->read_error(v, 400, &e));
    assert_false(gemini->read_error(NULL, 400, &e));
    assert_int_equal(json_read(quoted("{'totalTokens':31}", &a), &a, &v, NULL), OK);
    assert_true(gemini->read_count(v, &n) && n == 31);
    assert_int_equal(json_read(quoted("{'totalTokens':-1}", &a), &a, &v, NULL), OK);
    assert_false(gemini->read_count(v, &n));
    arena_fini(&a);
}

/* Two answers with the same call have two ids; the same answer has the same. */
static str id_in(const char *body, struct arena *a)
{
    struct answer_reader r;
    struct ir_answer an;
    struct fail f;
    ir_answer_init(&an, a, DIALECT_GEMINI, 1 << 20, true);
    answer_reader_init(&r, gemini, a, ir_answer_take, &an);
    assert_int_equal(answer_read_whole(&r, quoted(body, a), &f), OK);
    answer_reader_fini(&r);
    assert_int_equal(an.replies->finish, IR_FINISH_CALLS);
    return an.replies->parts.first->id;
}

static void test_made_ids(void **state)
{
#define ANSWER(id)                                                                         \
    "{'candidates':[{'content':{'parts':[{'functionCall':{'name':'f','args':{'a':1}}}]},'" \
    "finishReason':'STOP'}],'responseId':'" id "'}"
    struct arena a;
    (void)state;
    arena_init(&a);
    str one = id_in(ANSWER("x"), &a), again = id_in(ANSWER("x"), &a),
        other = id_in(ANSWER("y"), &a);
    assert_true(str_eq(one, again));
    assert_false(str_eq(one, other));
    assert_true(one.n <= 40); /* what chat takes */
    arena_fini(&a);
}

/* ---- redacted reasoning and foreign seals on the way through a client of Gemini ---- */

static void write_part(struct client_stream *s, unsigned index, const struct ir_part *part,
                       const char *text)
{
    struct ir_event e = {.kind = IR_EV_PART_BEGIN, .index = index, .part = part};
    client_stream_take(s, &e);
    e.kind = IR_EV_DELTA;
    e.text = str_c(text);
    if (e.text.n)
        client_stream_take(s, &e);
    e.kind = IR_EV_PART_END;
    client_stream_take(s, &e);
}

static void test_foreign_seals(void **state)
{
    struct arena a;
    struct buf out;
    struct client_stream s;
    struct ir_seal seal = {.value = S("EqQB"), .id = S("rs_1"), .issuer = DIALECT_RESPONSES};
    struct ir_part hidden = {.kind = IR_PART_REASONING, .redacted = true, .seal = seal};
    struct ir_part call = {.kind = IR_PART_CALL, .name = S("f"), .id = S("c1"), .seal = seal};
    (void)state;
    arena_init(&a);
    buf_init(&out, 1 << 20);
    struct answer_ask ask = translate_ask(&a, DIALECT_RESPONSES);
    client_stream_init(&s, gemini, &ask, &out);
    client_stream_take(&s, &(struct ir_event){.kind = IR_EV_START, .usage = USAGE_NONE});
    write_part(&s, 0, &hidden, "");
    write_part(&s, 1, &call, "{\"a\":");
    str packed = ir_seal_pack(&seal, DIALECT_GEMINI, &a);
    str parts[] = {S("{\"text\":\"\",\"thoughtSignature\":\""), packed, S("\"}")};
    assert_true(str_find(buf_str(&out), str_join(&a, parts, 3)) < out.n);
    parts[0] = S("\"args\":{}},\"thoughtSignature\":\"");
    assert_true(str_find(buf_str(&out), str_join(&a, parts, 3)) < out.n);
    client_stream_fini(&s);
    buf_fini(&out);
    arena_fini(&a);
}

/* ---- hostile documents ---- */

static const char *const hostile_requests[] = {
    "{'contents':[{'role':'user','parts':[{'text':'a','thought':true,'thoughtSignature':'c2ln'},"
    "{'inlineData':{'mimeType':'image/png','data':'AAAA'}},{'fileData':{'fileUri':'https://x/y',"
    "'mimeType':'image/png'}},{'functionCall':{'id':'1','name':'f','args':{'a':[1]}}},"
    "{'functionResponse':{'id':'1','name':'f','response':{'name':'f','content':[{'text':'x'}]},"
    "'parts':[{'inlineData':{'mimeType':'image/png','data':'AA-_'}}]}},{'executableCode':{"
    "'language':'PYTHON','code':'x'}},{'codeExecutionResult':{'outcome':'OUTCOME_OK','output':'y'}}"
    ",{'toolCall':{'toolType':'x'}}]},{'parts':'text'},'bare'],'systemInstruction':{'role':'user',"
    "'parts':[{'text':'s'}]},'tools':[{'functionDeclarations':[{'name':'f','description':'d',"
    "'parameters':{'type':'OBJECT','properties':{'a':{'type':'STRING','nullable':true,'enum':['x']"
    "}},'required':['a']}}]},{'googleSearch':{'excludeDomains':['a']}}],'toolConfig':{"
    "'functionCallingConfig':{'mode':'ANY','allowedFunctionNames':['f']}},'generationConfig':{"
    "'maxOutputTokens':1,'temperature':1,'topP':1,'topK':1,'stopSequences':['a'],'candidateCount':1"
    ",'seed':1,'presencePenalty':1,'responseLogprobs':true,'logprobs':1,'responseMimeType':"
    "'application/json','responseSchema':{'type':'OBJECT'},'responseModalities':['TEXT'],"
    "'imageConfig':{'aspectRatio':'1:1'},'thinkingConfig':{'thinkingLevel':'low','thinkingBudget':1"
    ",'includeThoughts':true}},'labels':{'a':'b'},'serviceTier':'flex'}",
};

static const char *const hostile_answers[] = {
    "{'candidates':[{'content':{'parts':[{'text':'a','thought':true},{'text':'b','thoughtSignature'"
    ":'c2ln'},{'functionCall':{'name':'f','args':{'a':1},'id':'1'}},{'inlineData':{'mimeType':"
    "'image/png','data':'AAAA'}},{'executableCode':{'language':'PYTHON','code':'x'}},{"
    "'codeExecutionResult':{'outcome':'OUTCOME_OK','output':'y'}}],'role':'model'},'finishReason':"
    "'STOP','index':0,'groundingMetadata':{'webSearchQueries':['q'],'groundingChunks':[{'web':{"
    "'uri':'u','title':'t'}}],'groundingSupports':[{'segment':{'startIndex':0,'endIndex':1,"
    "'partIndex':1},'groundingChunkIndices':[0]}]},'urlContextMetadata':{'urlMetadata':[{"
    "'retrievedUrl':'u'}]},'logprobsResult':{'chosenCandidates':[{'token':'a','logProbability':-1}]"
    ",'topCandidates':[{'candidates':[{'token':'a','logProbability':-1}]}]}}],'usageMetadata':{"
    "'promptTokenCount':1,'candidatesTokenCount':2,'thoughtsTokenCount':3},'promptFeedback':{"
    "'blockReason':'SAFETY'},'modelVersion':'m','responseId':'r','createTime':"
    "'2026-01-02T03:04:05Z'}",
    "{'error':{'code':400,'message':'x','status':'Y','details':[{'@type':'z'}]}}",
};

static const char *const wrong[] = {"null", "true", "7",      "-1e9",       "\"x\"",
                                    "[]",   "{}",   "[[{}]]", "{\"a\":{}}", "99999999999999999999"};

typedef void try_fn(str text);

/* Where the value that begins at byte at ends. */
static size_t value_end(str body, size_t at)
{
    size_t depth = 0;
    bool string = false;
    do {
        char c = body.p[at++];
        if (c == '"')
            string = !string;
        if (!string && strchr("[{", c))
            depth++;
        if (!string && strchr("]}", c) && depth)
            depth--;
    } while (at < body.n && (depth || string || !strchr(",]}:", body.p[at])));
    return at;
}

/* The document with each of its values, members and elements, replaced by each wrong one. */
static void each_wrong(const char *text, try_fn *try_it)
{
    struct arena a;
    struct buf out;
    bool string = false;
    arena_init(&a);
    buf_init(&out, 1 << 20);
    str body = quoted(text, &a);
    for (size_t at = 0; at < body.n; at++) {
        bool begins = !string && strchr(":[,", at ? body.p[at - 1] : ':');
        if (body.p[at] == '"')
            string = !string;
        if (!begins || strchr(",:]}", body.p[at]))
            continue;
        size_t end = value_end(body, at);
        if (end < body.n && body.p[end] == ':')
            continue; /* a key */
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
            buf_clear(&out);
            buf_put(&out, str_head(body, at));
            buf_put(&out, str_c(wrong[i]));
            buf_put(&out, str_from(body, end));
            try_it(buf_str(&out));
        }
    }
    buf_fini(&out);
    arena_fini(&a);
}

static size_t tried, refused;

/* Whatever is read is written as JSON, in its own dialect and in each other; whatever is refused
 * says why. */
static void try_request(str text)
{
    static const struct codec *const targets[] = {&codec_gemini, &codec_chat, &codec_responses,
                                                  &codec_anthropic};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct arena a;
        struct written_request w = {.lost = {.n = 0}};
        struct ir_target to = {.model = S("gemini-2.0-flash")};
        yyjson_val *v;
        arena_init(&a);
        buf_init(&w.out, 1 << 22);
        tried++;
        if (translate_request(gemini, targets[i], text, &to, &a, &w)) {
            refused++;
            assert_true(fail_text(&w.fail)[0]);
        } else if (json_read(buf_str(&w.out), &a, &v, &w.fail)) {
            fail_msg("%.*s\n gave %s", STR_FMT(text), buf_c(&w.out));
        }
        buf_fini(&w.out);
        arena_fini(&a);
    }
}

static void test_hostile_requests(void **state)
{
    (void)state;
    tried = refused = 0;
    for (size_t i = 0; i < sizeof hostile_requests / sizeof hostile_requests[0]; i++)
        each_wrong(hostile_requests[i], try_request);
    print_message("%zu tried, %zu refused\n", tried, refused);
    assert_true(tried > 1000 && refused > 100 && refused < tried);
}

static void try_answer(str text)
{
    struct arena life;
    struct answer_reader r;
    struct ir_answer an;
    struct buf out;
    struct fail f = {OK, ""};
    yyjson_val *v;
    tried++;
    arena_init(&life);
    buf_init(&out, 1 << 22);
    ir_answer_init(&an, &life, DIALECT_GEMINI, 1 << 22, true);
    answer_reader_init(&r, gemini, &life, ir_answer_take, &an);
    if (answer_read_whole(&r, text, &f)) {
        refused++;
    } else if (an.complete) {
        struct answer_ask ask = translate_ask(&life, DIALECT_GEMINI);
        gemini->write_whole(&ask, &an, &out);
        if (json_read(buf_str(&out), &life, &v, &f))
            fail_msg("%.*s\n gave %s", STR_FMT(text), buf_c(&out));
    }
    answer_reader_fini(&r);
    /* The same as a stream of one event. */
    str parts[] = {S("data: "), text, S("\n\n")};
    struct client_stream s;
    struct answer_ask ask = translate_ask(&life, DIALECT_GEMINI);
    buf_clear(&out);
    client_stream_init(&s, gemini, &ask, &out);
    enum err e = translate_stream(gemini, str_join(&life, parts, 3), UNCUT, &life,
                                  client_stream_take, &s, NULL, &f);
    if (e && e != ERR_UP_CUT)
        fail_msg("%.*s\n gave %d %s", STR_FMT(text), e, fail_text(&f));
    client_stream_fini(&s);
    buf_fini(&out);
    arena_fini(&life);
}

static void test_hostile_answers(void **state)
{
    (void)state;
    tried = refused = 0;
    for (size_t i = 0; i < sizeof hostile_answers / sizeof hostile_answers[0]; i++)
        each_wrong(hostile_answers[i], try_answer);
    print_message("%zu tried, %zu refused\n", tried, refused);
    assert_true(tried > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promises),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_counts_and_errors),
        cmocka_unit_test(test_made_ids),
        cmocka_unit_test(test_foreign_seals),
        cmocka_unit_test(test_hostile_requests),
        cmocka_unit_test(test_hostile_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
