/*
 * The chat codecs and values of the wrong type: each value of some rich documents is replaced by
 * one of every other type, each member left out, one at a time. Requests are refused in words or
 * read, and what is read can be written; answers end or fail, and clients get proper streams.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "support/grammar.h"
#include "support/translate.h"
#include "json/scan.h"

enum { BIG = 1 << 24 };

static const char *const requests[] = {
    "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":["
    "{\"role\":\"system\",\"content\":\"s\"},"
    "{\"role\":\"user\",\"name\":\"n\",\"content\":[{\"type\":\"text\",\"text\":\"x\","
    "\"cache_control\":{\"type\":\"ephemeral\"}},"
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\",\"detail\":\"low\"}},"
    "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\",\"format\":\"wav\"}},"
    "{\"type\":\"file\",\"file\":{\"file_data\":\"data:text/plain;base64,QQ==\",\"filename\":\"f\"}}]},"
    "{\"role\":\"assistant\",\"content\":\"a\",\"refusal\":\"r\",\"reasoning\":\"t\","
    "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"t\",\"signature\":\"s\","
    "\"format\":\"anthropic-claude-v1\",\"index\":0}],\"extra_content\":{\"google\":"
    "{\"thought_signature\":\"z\"}},"
    "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
    "\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"thought_signature\":\"z\"}}},"
    "{\"id\":\"c2\",\"type\":\"custom\",\"custom\":{\"name\":\"g\",\"input\":\"i\"}}]},"
    "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":[{\"type\":\"text\",\"text\":\"o\"},"
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"http://a\"}}]},"
    "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"o\"}],"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":"
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\"}}},\"strict\":true}},"
    "{\"type\":\"custom\",\"custom\":{\"name\":\"g\",\"format\":{\"type\":\"grammar\",\"grammar\":"
    "{\"syntax\":\"lark\",\"definition\":\"d\"}}}},{\"google_search\":{\"a\":1}}],"
    "\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\",\"tools\":["
    "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}},\"parallel_tool_calls\":true}",

    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\","
    "\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"role\":\"function\",\"name\":\"f\","
    "\"content\":\"o\"}],\"functions\":[{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}],"
    "\"function_call\":{\"name\":\"f\"},\"max_tokens\":1,\"max_completion_tokens\":2,\"temperature\":1,"
    "\"top_p\":1,\"top_k\":1,\"n\":2,\"seed\":1,\"stop\":[\"a\"],\"logit_bias\":{\"1\":1},"
    "\"logprobs\":true,\"top_logprobs\":1,\"reasoning_effort\":\"low\",\"reasoning\":{\"effort\":\"low\","
    "\"max_tokens\":5,\"enabled\":true,\"exclude\":false},\"thinking\":{\"type\":\"enabled\","
    "\"budget_tokens\":5},\"extra_body\":{\"google\":{\"thinking_config\":{\"thinking_budget\":5,"
    "\"include_thoughts\":true}}},\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
    "{\"name\":\"n\",\"schema\":{\"type\":\"object\"},\"strict\":true}},\"verbosity\":\"low\","
    "\"modalities\":[\"audio\"],\"audio\":{\"voice\":\"v\"},\"image_config\":{\"aspect_ratio\":\"1:1\"},"
    "\"web_search_options\":{\"search_context_size\":\"low\",\"user_location\":{\"type\":"
    "\"approximate\",\"approximate\":{\"city\":\"c\"}}},\"service_tier\":\"flex\",\"metadata\":{\"a\":"
    "\"b\"},\"user\":\"u\",\"safety_identifier\":\"s\",\"store\":true,\"prompt_cache_key\":\"k\"}",
};

static const char prompt[] =
    "{\"model\":\"m\",\"prompt\":[\"p\"],\"echo\":true,\"suffix\":\"\",\"best_of\":1,\"logprobs\":1,"
    "\"n\":1,\"max_tokens\":1,\"stop\":\"a\",\"user\":\"u\",\"stream\":false}";

static const char *const wholes[] = {
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"service_tier\":"
    "\"default\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\","
    "\"refusal\":\"r\",\"reasoning_content\":\"t\",\"reasoning_details\":[{\"type\":\"reasoning.encrypted\","
    "\"data\":\"d\",\"id\":\"i\",\"index\":0}],\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":"
    "{\"start_index\":0,\"end_index\":1,\"url\":\"u\",\"title\":\"t\"}}],\"images\":[{\"type\":\"image_url\","
    "\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}],\"audio\":{\"id\":\"i\",\"data\":\"AA==\","
    "\"transcript\":\"t\",\"expires_at\":1},\"extra_content\":{\"google\":{\"thought\":true,"
    "\"thought_signature\":\"s\"}},\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\","
    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"d\",\"type\":\"custom\",\"custom\":"
    "{\"name\":\"g\",\"input\":\"i\"}}]},\"logprobs\":{\"content\":[{\"token\":\"a\",\"logprob\":-1,"
    "\"bytes\":[97],\"top_logprobs\":[{\"token\":\"a\",\"logprob\":-1,\"bytes\":null}]}],\"refusal\":null},"
    "\"finish_reason\":\"tool_calls\",\"native_finish_reason\":\"x\",\"stop_reason\":\"y\"}],"
    "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3,\"prompt_tokens_details\":"
    "{\"cached_tokens\":1,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":1}},"
    "\"search_results\":[{\"title\":\"t\",\"url\":\"u\"}]}",
    "{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":\"p\",\"code\":400}}",
    "{\"detail\":[{\"msg\":\"m\"}]}",
};

/* ---- documents with one value changed ---- */

struct change {
    long at;          /* counts down to the value */
    const char *with; /* NULL: left out */
    bool done;
};

static void write_changed(struct json_writer *w, yyjson_val *v, struct change *c);

static void write_members(struct json_writer *w, yyjson_val *v, struct change *c)
{
    yyjson_val *k;
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    jw_object(w);
    while ((k = yyjson_obj_iter_next(&it))) {
        if (c->at == 0 && !c->with) {
            c->at--;
            c->done = true;
            continue;
        }
        jw_key(w, jv_str(k));
        write_changed(w, yyjson_obj_iter_get_val(k), c);
    }
    jw_object_end(w);
}

static void write_changed(struct json_writer *w, yyjson_val *v, struct change *c)
{
    yyjson_val *e;
    if (c->at-- == 0 && c->with) {
        jw_raw(w, str_c(c->with));
        c->done = true;
        return;
    }
    if (yyjson_is_obj(v)) {
        write_members(w, v, c);
    } else if (yyjson_is_arr(v)) {
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        jw_array(w);
        while ((e = yyjson_arr_iter_next(&it)))
            write_changed(w, e, c);
        jw_array_end(w);
    } else {
        jw_value(w, v);
    }
}

/* Calls run with each changed document; returns how many there were. */
static size_t changed(const char *doc, void (*run)(str body))
{
    static const char *const values[] = {"null", "true",      "5",   "-1.5e3",  "\"x\"",
                                         "\"\"", "[]",        "[5]", "[\"y\"]", "[{}]",
                                         "{}",   "{\"z\":1}", NULL};
    size_t n = 0;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        for (long at = 1;; at++) {
            struct arena a;
            struct buf out;
            struct change c = {at, values[i], false};
            yyjson_val *root;
            arena_init(&a);
            buf_init(&out, BIG);
            assert_int_equal(json_read(str_c(doc), &a, &root, NULL), OK);
            struct json_writer w = json_writer(&out);
            write_changed(&w, root, &c);
            bool more = c.done || c.at < 0;
            if (c.done)
                run(buf_str(&out));
            n += c.done;
            buf_fini(&out);
            arena_fini(&a);
            if (!more)
                break;
        }
    }
    return n;
}

/* ---- requests ---- */

static size_t refused;

static void write_for(const struct codec *from, const struct codec *to, str body, bool is_compat)
{
    struct arena a;
    struct written_request w = {0};
    struct ir_target target = {.model = S("gpt-5.6"), .stream = true, .is_compat = is_compat};
    arena_init(&a);
    buf_init(&w.out, BIG);
    enum err e = translate_request(from, to, body, &target, &a, &w);
    refused += e != OK;
    if (e)
        assert_true(fail_text(&w.fail)[0] != 0);
    else
        assert_int_equal(json_validate(buf_str(&w.out), JSON_DEPTH_MAX, NULL, NULL), OK);
    buf_fini(&w.out);
    arena_fini(&a);
}

/* As its own, and as if another dialect's client had asked. */
static void run_request(str body)
{
    struct arena a;
    struct fail f;
    write_for(&codec_chat, &codec_chat, body, false);
    for (int compat = 0; compat < 2; compat++) {
        struct ir_request rq;
        struct ir_names names;
        struct ir_losses lost = {0};
        struct buf out;
        struct ir_target target = {.model = S("gpt-5.6"), .is_compat = compat};
        arena_init(&a);
        buf_init(&out, BIG);
        if (codec_read_request(&codec_chat, body, &a, &rq, &f) == OK) {
            rq.from = DIALECT_RESPONSES;
            if (codec_write_request(&codec_chat, &rq, &target, &a, &names, &lost, &out, &f) == OK)
                assert_int_equal(json_validate(buf_str(&out), JSON_DEPTH_MAX, NULL, NULL), OK);
        }
        buf_fini(&out);
        arena_fini(&a);
    }
}

static void run_prompt(str body)
{
    write_for(&codec_completions, &codec_chat, body, false);
}

static void test_requests(void **state)
{
    (void)state;
    size_t n = 0;
    refused = 0;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        n += changed(requests[i], run_request);
    n += changed(prompt, run_prompt);
    print_message("%zu requests, %zu of them refused\n", n, refused);
    assert_true(n > 2000 && refused > 200 && refused < n * 3 / 4);
}

/* ---- answers ---- */

struct seen {
    struct client_stream chat, completions;
    struct ir_answer answer;
};

static void take(void *arg, const struct ir_event *e)
{
    struct seen *s = arg;
    client_stream_take(&s->chat, e);
    client_stream_take(&s->completions, e);
    ir_answer_take(&s->answer, e);
}

static void check_client(const struct buf *out, enum grammar_kind kind, const struct ir_answer *an)
{
    struct grammar g;
    struct fail why = {0};
    if (!grammar_check(&g, kind, buf_str(out), &why))
        fail_msg("%s in %.*s", why.text, (int)out->n, out->p);
    assert_true(g.complete == an->complete && g.error == (an->error != NULL));
}

static void check_whole(const struct codec *to, const struct answer_ask *ask, struct ir_answer *an)
{
    struct buf out;
    buf_init(&out, BIG);
    to->write_whole(ask, an, &out);
    assert_int_equal(json_validate(buf_str(&out), JSON_DEPTH_MAX, NULL, NULL), OK);
    /* As if it came from elsewhere. */
    buf_clear(&out);
    an->from = DIALECT_GEMINI;
    to->write_whole(ask, an, &out);
    assert_int_equal(json_validate(buf_str(&out), JSON_DEPTH_MAX, NULL, NULL), OK);
    an->from = DIALECT_CHAT;
    buf_fini(&out);
}

static void run_answer(str body, bool stream)
{
    struct arena life;
    struct seen s;
    struct buf chat, legacy;
    struct fail f = {0};
    arena_init(&life);
    buf_init(&chat, BIG);
    buf_init(&legacy, BIG);
    struct answer_ask ask = translate_ask(&life, DIALECT_CHAT), old = ask;
    old.legacy = true;
    client_stream_init(&s.chat, &codec_chat, &ask, &chat);
    client_stream_init(&s.completions, &codec_completions, &old, &legacy);
    ir_answer_init(&s.answer, &life, DIALECT_CHAT, BIG, !stream);
    enum err e = stream ? translate_stream(&codec_chat, body, UNCUT, &life, take, &s, NULL, &f)
                        : translate_whole(&codec_chat, body, &life, take, &s, &f);
    assert_true(e == OK || f.text[0]);
    assert_true((e == OK) == (s.answer.complete || s.answer.error));
    if (e == OK) {
        check_client(&chat, GRAMMAR_CHAT, &s.answer);
        check_client(&legacy, GRAMMAR_COMPLETIONS, &s.answer);
        check_whole(&codec_chat, &ask, &s.answer);
        check_whole(&codec_completions, &old, &s.answer);
    }
    client_stream_fini(&s.chat);
    client_stream_fini(&s.completions);
    buf_fini(&chat);
    buf_fini(&legacy);
    arena_fini(&life);
}

/* The same document as a whole answer, and, with message for delta, as a chunk between others. */
static void run_document(str body)
{
    static const char first[] = "data: {\"id\":\"chatcmpl-1\",\"created\":1,\"model\":\"m\","
                                "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
                      last[] =
                          "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},"
                          "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    struct buf sse;
    size_t at = str_find(body, S("\"message\":{"));
    run_answer(body, false);
    buf_init(&sse, BIG);
    buf_put(&sse, str_c(first));
    buf_lit(&sse, "data: ");
    buf_put(&sse, str_head(body, at));
    if (at < body.n) {
        buf_lit(&sse, "\"delta\":{");
        buf_put(&sse, str_from(body, at + 11));
    }
    buf_lit(&sse, "\n\n");
    buf_put(&sse, str_c(last));
    run_answer(buf_str(&sse), true);
    buf_fini(&sse);
}

static void test_answers(void **state)
{
    (void)state;
    size_t n = 0;
    for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++)
        n += changed(wholes[i], run_document);
    print_message("%zu answers, whole and streamed\n", n);
    assert_true(n > 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_answers),
    };
    hash_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
