/*
 * The simulator: what it answers in each dialect, whole and streamed, what it refuses, and that
 * its calls keep the promises of http/call.h. Real loop, short times; answers are read back with
 * a JSON reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "channel/sim.h"

/* ---- A call and what came of it ---- */

struct got {
    struct worker *worker;
    struct call *call;
    int heads, bodies, ends, status;
    int64_t length;
    char type[64], id[64], retry[16];
    struct buf body;
    size_t largest; /* body event */
    enum err error;
    uint64_t first_ns, last_ns; /* of body events */
    bool cancel_at_head, pause_at_head, cancel_at_body, pause_at_body;
    bool gone; /* cancelled: no event may come */
};

static struct worker worker;

static void copy(char *out, size_t n, str s)
{
    snprintf(out, n, "%.*s", STR_FMT(s));
}

static str field(const struct http_head *h, const char *name)
{
    for (size_t i = 0; i < h->n_fields; i++)
        if (str_eq_nocase(h->fields[i].name, str_c(name)))
            return h->fields[i].value;
    return (str){NULL, 0};
}

static void on_head(void *owner, const struct http_head *h)
{
    struct got *g = owner;

    assert_false(g->gone);
    assert_int_equal(g->heads + g->bodies + g->ends, 0);
    g->heads++;
    g->status = h->status;
    g->length = h->content_length;
    copy(g->type, sizeof(g->type), field(h, "content-type"));
    copy(g->id, sizeof(g->id), field(h, "x-request-id"));
    if (!g->id[0])
        copy(g->id, sizeof(g->id), field(h, "request-id"));
    copy(g->retry, sizeof(g->retry), field(h, "retry-after"));
    if (g->pause_at_head)
        call_pause(g->call);
    if (g->cancel_at_head) {
        g->gone = true;
        call_cancel(g->call);
    }
}

static void on_body(void *owner, str bytes)
{
    struct got *g = owner;

    assert_false(g->gone);
    assert_int_equal(g->heads, 1);
    assert_int_equal(g->ends, 0);
    assert_true(bytes.n > 0);
    if (!g->bodies++)
        g->first_ns = clock_ns();
    g->last_ns = clock_ns();
    if (bytes.n > g->largest)
        g->largest = bytes.n;
    buf_put(&g->body, bytes);
    if (g->pause_at_body)
        call_pause(g->call);
    if (g->cancel_at_body) {
        g->gone = true;
        call_cancel(g->call);
    }
}

static void on_end(void *owner, enum err e, const struct fail *f)
{
    struct got *g = owner;

    assert_false(g->gone);
    assert_int_equal(g->ends, 0);
    if (e)
        assert_true(fail_text(f)[0]);
    g->ends++;
    g->error = e;
    g->call = NULL;
}

static const struct call_events events = {on_head, on_body, on_end, NULL};

static int set_up(void **state)
{
    (void)state;
    hash_init();
    worker_init(&worker, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    worker_fini(&worker);
    return 0;
}

/* Everything about a request in one place; zero is the default of each. */
struct want {
    enum dialect_id dialect;
    enum sim_operation operation;
    const char *body, *path, *model;
    bool stream;
    uint64_t seed;
    struct sim_options options;
};

static void begin(struct got *g, const struct want *w)
{
    struct sim_request rq = {.options = &w->options,
                             .dialect = w->dialect,
                             .operation = w->operation,
                             .path = str_c(w->path),
                             .model = str_c(w->model ? w->model : "sim-1"),
                             .stream = w->stream,
                             .seed = w->seed};
    /* The body is only lent during the call. */
    size_t n = strlen(w->body);
    char *lent = malloc(n ? n : 1);

    memcpy(lent, w->body, n);
    rq.body = str_of(lent, n);
    g->worker = &worker;
    buf_init(&g->body, 64 * 1024 * 1024);
    uv_update_time(&worker.loop);
    g->call = sim_start(&worker, &rq, &events, g);
    free(lent);
    assert_non_null(g->call);
    assert_int_equal(g->heads + g->bodies + g->ends, 0);
}

static void run(void)
{
    uv_run(&worker.loop, UV_RUN_DEFAULT);
}

static struct got ask(const struct want *w)
{
    struct got g = {.heads = 0};

    begin(&g, w);
    run();
    assert_int_equal(g.ends, 1);
    return g;
}

static void done(struct got *g)
{
    buf_fini(&g->body);
}

/* ---- Reading JSON ---- */

static yyjson_doc *parse(const char *p, size_t n)
{
    yyjson_read_err e;
    yyjson_doc *d = yyjson_read_opts((char *)(uintptr_t)p, n, 0, NULL, &e);

    if (!d)
        print_error("%s at %zu in: %.*s\n", e.msg, e.pos, (int)n, p);
    assert_non_null(d);
    return d;
}

static yyjson_val *at(yyjson_doc *d, const char *pointer)
{
    yyjson_val *v = yyjson_doc_ptr_get(d, pointer);

    if (!v)
        print_error("no %s\n", pointer);
    assert_non_null(v);
    return v;
}

static const char *text_at(yyjson_doc *d, const char *pointer)
{
    assert_true(yyjson_is_str(at(d, pointer)));
    return yyjson_get_str(at(d, pointer));
}

static uint64_t number_at(yyjson_doc *d, const char *pointer)
{
    assert_true(yyjson_is_uint(at(d, pointer)));
    return yyjson_get_uint(at(d, pointer));
}

#define assert_at(d, pointer, want) assert_string_equal(text_at((d), (pointer)), (want))

/* A whole answer of status 200, parsed. */
static yyjson_doc *whole(const struct want *w)
{
    struct got g = ask(w);
    yyjson_doc *d;

    if (g.status != 200)
        print_error("%.*s\n", STR_FMT(buf_str(&g.body)));
    assert_int_equal(g.status, 200);
    assert_int_equal(g.error, OK);
    assert_int_equal(g.length, g.body.n);
    assert_true(strstr(g.type, "application/json") != NULL);
    d = parse(g.body.p, g.body.n);
    done(&g);
    return d;
}

/* The data of every event, and the names. */
struct stream {
    size_t n;
    yyjson_doc *data[4000];
    char name[4000][48];
    bool done; /* [DONE] */
};

static struct stream *split(const struct got *g)
{
    struct stream *s = calloc(1, sizeof(*s));
    str rest = buf_str(&g->body);

    while (rest.n) {
        str line = str_split(&rest, '\n');

        if (str_ends(line, S("\r")))
            line.n--;
        if (str_starts(line, S("event: ")))
            copy(s->name[s->n], sizeof(s->name[0]), str_from(line, 7));
        if (!str_starts(line, S("data: ")))
            continue;
        assert_false(s->done);
        line = str_from(line, 6);
        if (str_eq(line, S("[DONE]"))) {
            s->done = true;
            continue;
        }
        assert_true(s->n < 4000);
        s->data[s->n++] = parse(line.p, line.n);
    }
    return s;
}

static struct stream *streamed(struct want w)
{
    struct got g;
    struct stream *s;

    w.stream = true;
    g = ask(&w);
    if (g.status != 200)
        print_error("%.*s\n", STR_FMT(buf_str(&g.body)));
    assert_int_equal(g.status, 200);
    assert_int_equal(g.error, OK);
    assert_int_equal(g.length, -1);
    assert_string_equal(g.type, "text/event-stream");
    s = split(&g);
    done(&g);
    return s;
}

static void free_stream(struct stream *s)
{
    for (size_t i = 0; i < s->n; i++)
        yyjson_doc_free(s->data[i]);
    free(s);
}

/* All strings at pointer joined, over the events that have it. */
static char *joined(const struct stream *s, const char *pointer)
{
    struct buf b;
    char *out;

    buf_init(&b, 1 << 24);
    for (size_t i = 0; i < s->n; i++) {
        yyjson_val *v = yyjson_doc_ptr_get(s->data[i], pointer);

        if (yyjson_is_str(v))
            buf_put(&b, str_of(yyjson_get_str(v), yyjson_get_len(v)));
    }
    out = strdup(buf_c(&b));
    buf_fini(&b);
    return out;
}

/* ---- Requests ---- */

#define CHAT(text) "{\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]"
#define ANTHROPIC(text) \
    "{\"max_tokens\":4000,\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]"
#define RESPONSES(text) "{\"input\":\"" text "\""
#define GEMINI(text)    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"" text "\"}]}]"

#define WEATHER                                                                         \
    "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},"              \
    "\"days\":{\"type\":\"integer\",\"maximum\":7},\"unit\":{\"enum\":[\"C\",\"F\"]}}," \
    "\"required\":[\"city\",\"days\",\"unit\"]}"

#define CHAT_TOOL(name, schema) \
    "{\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"parameters\":" schema "}}"
#define FLAT_TOOL(name, schema) \
    "{\"type\":\"function\",\"name\":\"" name "\",\"parameters\":" schema "}"
#define ANTHROPIC_TOOL(name, schema) "{\"name\":\"" name "\",\"input_schema\":" schema "}"
#define GEMINI_TOOL(name, schema)    "{\"name\":\"" name "\",\"parameters\":" schema "}"

#define SSE "/v1beta/models/sim-1:streamGenerateContent?alt=sse"

/* ---- Chat ---- */

static void chat_whole(void **state)
{
    yyjson_doc *d = whole(&(struct want){.body = CHAT("Grüße, Welt") "}"});

    (void)state;
    assert_at(d, "/object", "chat.completion");
    assert_at(d, "/model", "sim-1");
    assert_true(str_starts(str_c(text_at(d, "/id")), S("chatcmpl-")));
    assert_true(number_at(d, "/created") > 1700000000);
    assert_at(d, "/choices/0/message/role", "assistant");
    assert_non_null(strstr(text_at(d, "/choices/0/message/content"), "Grüße, Welt"));
    assert_true(yyjson_is_null(at(d, "/choices/0/message/refusal")));
    assert_true(yyjson_is_null(at(d, "/choices/0/logprobs")));
    assert_at(d, "/choices/0/finish_reason", "stop");
    assert_int_equal(number_at(d, "/usage/prompt_tokens") +
                         number_at(d, "/usage/completion_tokens"),
                     number_at(d, "/usage/total_tokens"));
    assert_int_equal(number_at(d, "/usage/prompt_tokens_details/cached_tokens"), 0);
    assert_int_equal(number_at(d, "/usage/completion_tokens_details/reasoning_tokens"), 0);
    yyjson_doc_free(d);
}

static void chat_stream(void **state)
{
    struct want w = {.body = CHAT("Hello") ",\"reasoning_effort\":\"low\"}"};
    yyjson_doc *d = whole(&w);
    struct stream *s;
    char *text, *thought;

    (void)state;
    w.body = CHAT("Hello") ",\"reasoning_effort\":\"low\",\"stream\":true,"
                           "\"stream_options\":{\"include_usage\":true}}";
    s = streamed(w);
    assert_true(s->done);
    assert_at(s->data[0], "/choices/0/delta/role", "assistant");
    assert_at(s->data[0], "/choices/0/delta/content", "");
    for (size_t i = 0; i < s->n; i++) {
        assert_at(s->data[i], "/object", "chat.completion.chunk");
        assert_at(s->data[i], "/id", text_at(s->data[0], "/id"));
        if (i + 1 < s->n)
            assert_true(yyjson_is_null(at(s->data[i], "/usage")));
    }
    assert_at(s->data[s->n - 2], "/choices/0/finish_reason", "stop");
    assert_int_equal(yyjson_obj_size(at(s->data[s->n - 2], "/choices/0/delta")), 0);
    assert_int_equal(yyjson_arr_size(at(s->data[s->n - 1], "/choices")), 0);
    assert_true(yyjson_equals(at(s->data[s->n - 1], "/usage"), at(d, "/usage")));
    assert_true(number_at(d, "/usage/completion_tokens_details/reasoning_tokens") > 0);
    text = joined(s, "/choices/0/delta/content");
    thought = joined(s, "/choices/0/delta/reasoning_content");
    assert_string_equal(text, text_at(d, "/choices/0/message/content"));
    assert_string_equal(thought, text_at(d, "/choices/0/message/reasoning_content"));
    free(text);
    free(thought);
    yyjson_doc_free(d);
    free_stream(s);

    /* No usage unless asked for. */
    s = streamed((struct want){.body = CHAT("Hello") ",\"stream\":true}"});
    for (size_t i = 0; i < s->n; i++)
        assert_null(yyjson_doc_ptr_get(s->data[i], "/usage"));
    free_stream(s);
}

static void chat_tools(void **state)
{
    const char *body =
        CHAT("What is the weather in Paris for 3 days, and the time?") ",\"tools\":[" CHAT_TOOL(
            "get_weather", WEATHER) "," CHAT_TOOL("getTime", "{}") "," CHAT_TOOL("get_news",
                                                                                 "{}") "]}";
    yyjson_doc *d = whole(&(struct want){.body = body}), *arguments;
    struct stream *s;
    char *text;

    (void)state;
    assert_at(d, "/choices/0/finish_reason", "tool_calls");
    assert_true(yyjson_is_null(at(d, "/choices/0/message/content")));
    assert_int_equal(yyjson_arr_size(at(d, "/choices/0/message/tool_calls")), 2);
    assert_at(d, "/choices/0/message/tool_calls/0/type", "function");
    assert_at(d, "/choices/0/message/tool_calls/0/function/name", "get_weather");
    assert_at(d, "/choices/0/message/tool_calls/1/function/name", "getTime");
    assert_string_not_equal(text_at(d, "/choices/0/message/tool_calls/0/id"),
                            text_at(d, "/choices/0/message/tool_calls/1/id"));
    text = strdup(text_at(d, "/choices/0/message/tool_calls/0/function/arguments"));
    arguments = parse(text, strlen(text));
    assert_at(arguments, "/city", "Paris");
    assert_int_equal(number_at(arguments, "/days"), 3);
    assert_at(arguments, "/unit", "C");
    yyjson_doc_free(arguments);

    s = streamed((struct want){.body = body});
    assert_at(s->data[1], "/choices/0/delta/tool_calls/0/function/arguments", "");
    assert_at(s->data[1], "/choices/0/delta/tool_calls/0/function/name", "get_weather");
    assert_int_equal(number_at(s->data[1], "/choices/0/delta/tool_calls/0/index"), 0);
    assert_non_null(text_at(s->data[1], "/choices/0/delta/tool_calls/0/id"));
    assert_at(s->data[s->n - 1], "/choices/0/finish_reason", "tool_calls");
    free_stream(s);
    free(text);
    yyjson_doc_free(d);
}

static size_t chat_calls(const char *body)
{
    yyjson_doc *d = whole(&(struct want){.body = body});
    yyjson_val *calls = yyjson_doc_ptr_get(d, "/choices/0/message/tool_calls");
    size_t n = yyjson_arr_size(calls);

    yyjson_doc_free(d);
    return n;
}

static void chat_tool_choice(void **state)
{
#define TOOLS ",\"tools\":[" CHAT_TOOL("get_weather", WEATHER) "," CHAT_TOOL("clock", "{}") "]"
    (void)state;
    assert_int_equal(chat_calls(CHAT("hello") TOOLS "}"), 0);
    assert_int_equal(chat_calls(CHAT("hello") TOOLS ",\"tool_choice\":\"required\"}"), 1);
    assert_int_equal(chat_calls(CHAT("weather clock") TOOLS "}"), 2);
    assert_int_equal(chat_calls(CHAT("weather clock") TOOLS ",\"parallel_tool_calls\":false}"), 1);
    assert_int_equal(chat_calls(CHAT("weather") TOOLS ",\"tool_choice\":\"none\"}"), 0);
    assert_int_equal(chat_calls(CHAT("hello") TOOLS ",\"tool_choice\":{\"type\":\"function\","
                                                    "\"function\":{\"name\":\"clock\"}}}"),
                     1);
    assert_int_equal(chat_calls(CHAT("hello [[sim: tool=clock]]") TOOLS "}"), 1);
    /* "get" alone names nothing, and a word within a word neither. */
    assert_int_equal(chat_calls(CHAT("get me clockwork") TOOLS "}"), 0);
}

static void chat_tool_result(void **state)
{
    const char *body =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"weather\"},{\"role\":\"assistant\","
        "\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{"
        "\"name\":\"get_weather\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
        "\"c1\",\"content\":\"21 degrees\"}]" TOOLS "}";
    yyjson_doc *d = whole(&(struct want){.body = body});

    (void)state;
    assert_at(d, "/choices/0/message/content", "The tool answered: \"21 degrees\".");
    assert_at(d, "/choices/0/finish_reason", "stop");
    yyjson_doc_free(d);
}

static void chat_choices(void **state)
{
    yyjson_doc *d = whole(&(struct want){.body = CHAT("hi") ",\"n\":3}"});
    struct stream *s = streamed((struct want){.body = CHAT("hi") ",\"n\":3}"});
    unsigned finished = 0;

    (void)state;
    assert_int_equal(yyjson_arr_size(at(d, "/choices")), 3);
    assert_int_equal(number_at(d, "/choices/2/index"), 2);
    for (size_t i = 0; i < s->n; i++)
        finished += yyjson_is_str(yyjson_doc_ptr_get(s->data[i], "/choices/0/finish_reason"));
    assert_int_equal(finished, 3);
    free_stream(s);
    yyjson_doc_free(d);
}

static void chat_limits(void **state)
{
    yyjson_doc *d = whole(&(struct want){.body = CHAT("hi") ",\"max_tokens\":3}"});

    (void)state;
    assert_at(d, "/choices/0/finish_reason", "length");
    assert_int_equal(number_at(d, "/usage/completion_tokens"), 3);
    assert_int_equal(strlen(text_at(d, "/choices/0/message/content")), 12);
    yyjson_doc_free(d);

    d = whole(&(struct want){.body = CHAT("hi") ",\"stop\":[\"zzz\",\" a sim\"]}"});
    assert_at(d, "/choices/0/message/content", "You said: \"hi\". I am sim-1,");
    assert_at(d, "/choices/0/finish_reason", "stop");
    yyjson_doc_free(d);

    /* A cut never splits a character, nor does the echo of a long text. */
    d = whole(&(struct want){.body = CHAT("[[sim: echo]] aäöü€😀ä") ",\"max_tokens\":3}"});
    assert_at(d, "/choices/0/message/content", "aäöü€");
    yyjson_doc_free(d);

    /* A turn without any text. */
    d = whole(&(struct want){
        .body = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                "\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}]}]}"});
    assert_true(str_starts(str_c(text_at(d, "/choices/0/message/content")), S("Hello!")));
    assert_true(number_at(d, "/usage/prompt_tokens") >= 256);
    yyjson_doc_free(d);

    d = whole(&(struct want){.body = CHAT("[[sim: words=25]]") "}"});
    assert_int_equal(text_at(d, "/choices/0/message/content")[0], 'R');
    yyjson_doc_free(d);
}

static void chat_structured(void **state)
{
    const char *body = CHAT(
        "Ada is 36") ",\"response_format\":{\"type\":\"json_schema\","
                     "\"json_schema\":{\"name\":\"p\",\"schema\":{\"type\":\"object\",\"$defs\":{\"n\":{"
                     "\"type\":\"string\",\"minLength\":9}},\"properties\":{\"name\":{\"$ref\":\"#/$defs/n\"},"
                     "\"age\":{\"type\":[\"null\",\"integer\"]},\"tags\":{\"type\":\"array\",\"minItems\":2,"
                     "\"items\":{\"type\":\"string\"}},\"when\":{\"type\":\"string\",\"format\":\"date\"},"
                     "\"kind\":{\"anyOf\":[{\"type\":\"null\"},{\"const\":\"x\"}]},\"ok\":{\"type\":"
                     "\"boolean\"},\"rate\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":0.5},"
                     "\"extra\":{\"type\":\"string\"}},\"required\":[\"name\",\"age\",\"tags\",\"when\","
                     "\"kind\",\"ok\",\"rate\"]}}}}";
    yyjson_doc *d = whole(&(struct want){.body = body}), *inner;
    const char *text = text_at(d, "/choices/0/message/content");
    double rate;

    (void)state;
    inner = parse(text, strlen(text));
    assert_true(yyjson_get_len(at(inner, "/name")) >= 9);
    assert_int_equal(number_at(inner, "/age"), 36);
    assert_int_equal(yyjson_arr_size(at(inner, "/tags")), 2);
    assert_at(inner, "/when", "2026-01-02");
    assert_at(inner, "/kind", "x");
    assert_true(yyjson_is_true(at(inner, "/ok")));
    rate = yyjson_get_num(at(inner, "/rate"));
    assert_true(rate > 0 && rate <= 0.5);
    assert_null(yyjson_doc_ptr_get(inner, "/extra"));
    yyjson_doc_free(inner);
    yyjson_doc_free(d);

    d = whole(&(struct want){.body = CHAT("x") ",\"response_format\":{\"type\":\"json_object\"}}"});
    text = text_at(d, "/choices/0/message/content");
    yyjson_doc_free(parse(text, strlen(text)));
    yyjson_doc_free(d);
}

static void chat_hostile_schema(void **state)
{
    yyjson_doc *d;

    (void)state;
    /* Without end, and large. */
    d = whole(
        &(struct want){.body = CHAT("tree") ",\"tools\":[" CHAT_TOOL(
                           "tree", "{\"type\":\"object\",\"properties\":{\"l\":{\"$ref\":\"#\"},"
                                   "\"r\":{\"$ref\":\"#\"}},\"required\":[\"l\",\"r\"]}") "]}"});
    assert_int_equal(yyjson_arr_size(at(d, "/choices/0/message/tool_calls")), 1);
    yyjson_doc_free(d);
    d = whole(&(struct want){
        .body = CHAT("tree") ",\"tools\":[" CHAT_TOOL(
            "tree", "{\"type\":\"array\",\"minItems\":1e300,\"items\":{\"type\":\"string\","
                    "\"minLength\":1e300,\"maxLength\":-5}}") "]}"});
    yyjson_doc_free(d);
}

static void chat_custom_tool(void **state)
{
    const char *body = CHAT("patch it") ",\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":"
                                        "\"patch\"}}]}";
    yyjson_doc *d = whole(&(struct want){.body = body});

    (void)state;
    assert_at(d, "/choices/0/message/tool_calls/0/type", "custom");
    assert_at(d, "/choices/0/message/tool_calls/0/custom/input", "patch it");
    yyjson_doc_free(d);
}

static void chat_refusal(void **state)
{
    yyjson_doc *d = whole(&(struct want){.body = CHAT("x [[sim: refuse]]") "}"});

    (void)state;
    assert_true(yyjson_is_null(at(d, "/choices/0/message/content")));
    assert_true(yyjson_get_len(at(d, "/choices/0/message/refusal")) > 0);
    assert_at(d, "/choices/0/finish_reason", "stop");
    yyjson_doc_free(d);
    d = whole(&(struct want){.body = CHAT("x [[sim: filter]]") "}"});
    assert_at(d, "/choices/0/finish_reason", "content_filter");
    yyjson_doc_free(d);
}

static void completions(void **state)
{
    struct want w = {.operation = SIM_COMPLETIONS, .body = "{\"prompt\":[\"one\",\"two\"]}"};
    yyjson_doc *d = whole(&w);
    struct stream *s = streamed(w);
    char *text = joined(s, "/choices/0/text");

    (void)state;
    assert_at(d, "/object", "text_completion");
    assert_int_equal(yyjson_arr_size(at(d, "/choices")), 2);
    assert_non_null(strstr(text_at(d, "/choices/1/text"), "two"));
    assert_at(d, "/choices/1/finish_reason", "stop");
    assert_true(s->done);
    assert_true(str_starts(str_c(text), str_c(text_at(d, "/choices/0/text"))));
    free(text);
    free_stream(s);
    yyjson_doc_free(d);

    w.body = "{\"prompt\":[1,2,3],\"max_tokens\":2}";
    d = whole(&w);
    assert_at(d, "/choices/0/finish_reason", "length");
    yyjson_doc_free(d);
}

/* ---- Responses ---- */

/* Required members of the Open Responses document (2026-04-24), ResponseResource. */
static void check_response(yyjson_doc *d, const char *prefix)
{
    static const char *const members[] = {"id",
                                          "object",
                                          "created_at",
                                          "completed_at",
                                          "status",
                                          "model",
                                          "output",
                                          "incomplete_details",
                                          "error",
                                          "tools",
                                          "tool_choice",
                                          "previous_response_id",
                                          "truncation",
                                          "text",
                                          "top_p",
                                          "parallel_tool_calls",
                                          "top_logprobs",
                                          "presence_penalty",
                                          "temperature",
                                          "frequency_penalty",
                                          "reasoning",
                                          "usage",
                                          "instructions",
                                          "max_output_tokens",
                                          "store",
                                          "background",
                                          "max_tool_calls",
                                          "service_tier",
                                          "metadata",
                                          "prompt_cache_key",
                                          "safety_identifier"};
    char pointer[100];

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        snprintf(pointer, sizeof(pointer), "%s/%s", prefix, members[i]);
        at(d, pointer);
    }
}

static void responses_whole(void **state)
{
    yyjson_doc *d = whole(&(struct want){
        .dialect = DIALECT_RESPONSES,
        .body = RESPONSES("hi") ",\"metadata\":{\"a\":\"b\"},\"instructions\":\"be brief\","
                                "\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"},"
                                "\"include\":[\"reasoning.encrypted_content\"]}"});

    (void)state;
    check_response(d, "");
    assert_at(d, "/object", "response");
    assert_at(d, "/status", "completed");
    assert_at(d, "/metadata/a", "b");
    assert_at(d, "/instructions", "be brief");
    assert_at(d, "/output/0/type", "reasoning");
    assert_at(d, "/output/0/summary/0/type", "summary_text");
    assert_true(yyjson_get_len(at(d, "/output/0/encrypted_content")) > 20);
    assert_at(d, "/output/1/type", "message");
    assert_at(d, "/output/1/content/0/type", "output_text");
    assert_int_equal(number_at(d, "/usage/input_tokens") + number_at(d, "/usage/output_tokens"),
                     number_at(d, "/usage/total_tokens"));
    assert_true(number_at(d, "/usage/output_tokens_details/reasoning_tokens") > 0);
    yyjson_doc_free(d);

    d = whole(&(struct want){.dialect = DIALECT_RESPONSES,
                             .body = RESPONSES("hi") ",\"max_output_tokens\":16}"});
    assert_at(d, "/status", "incomplete");
    assert_at(d, "/incomplete_details/reason", "max_output_tokens");
    assert_at(d, "/output/0/status", "incomplete");
    yyjson_doc_free(d);
}

static void responses_stream(void **state)
{
    struct want w = {
        .dialect = DIALECT_RESPONSES,
        .body = RESPONSES(
            "weather and news in Oslo") ",\"reasoning\":{\"effort\":"
                                        "\"low\",\"summary\":\"auto\"},\"tools\":[" FLAT_TOOL(
                                            "get_weather", WEATHER) "," FLAT_TOOL("news",
                                                                                  "{}") "]}"};
    static const char *const begins[] = {
        "response.created", "response.in_progress", "response.output_item.added",
        "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta"};
    static const char *const ends[] = {"response.function_call_arguments.done",
                                       "response.output_item.done", "response.completed"};
    yyjson_doc *d = whole(&w);
    struct stream *s = streamed(w);
    char *text;

    (void)state;
    assert_false(s->done);
    for (size_t i = 0; i < s->n; i++) {
        assert_int_equal(number_at(s->data[i], "/sequence_number"), i);
        assert_at(s->data[i], "/type", s->name[i]);
        if (i < 5)
            assert_string_equal(s->name[i], begins[i]);
        if (s->n - i <= 3)
            assert_string_equal(s->name[i], ends[3 - (s->n - i)]);
    }
    check_response(s->data[0], "/response");
    check_response(s->data[s->n - 1], "/response");
    assert_true(yyjson_is_null(at(s->data[0], "/response/usage")));
    assert_int_equal(yyjson_arr_size(at(s->data[s->n - 1], "/response/output")), 3);
    assert_true(yyjson_equals(at(s->data[s->n - 1], "/response/usage"), at(d, "/usage")));
    assert_at(s->data[s->n - 1], "/response/output/1/name", "get_weather");
    assert_at(s->data[s->n - 1], "/response/output/1/arguments", text_at(d, "/output/1/arguments"));
    assert_int_equal(number_at(s->data[s->n - 2], "/output_index"), 2);
    text = joined(s, "/delta");
    assert_non_null(strstr(text, text_at(d, "/output/0/summary/0/text")));
    free(text);
    free_stream(s);
    yyjson_doc_free(d);
}

static void responses_text_stream(void **state)
{
    struct want w = {.dialect = DIALECT_RESPONSES, .body = RESPONSES("hi") "}"};
    static const char *const last[] = {"response.output_text.done", "response.content_part.done",
                                       "response.output_item.done", "response.completed"};
    struct stream *s = streamed(w);
    char *text = joined(s, "/delta");

    (void)state;
    assert_string_equal(s->name[3], "response.content_part.added");
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(s->name[s->n - 4 + i], last[i]);
    assert_at(s->data[s->n - 4], "/text", text);
    assert_at(s->data[s->n - 1], "/response/output/0/content/0/text", text);
    assert_at(s->data[4], "/item_id", text_at(s->data[s->n - 1], "/response/output/0/id"));
    free(text);
    free_stream(s);

    w.body = RESPONSES("hi [[sim: refuse]]") "}";
    s = streamed(w);
    text = joined(s, "/delta");
    assert_at(s->data[s->n - 1], "/response/output/0/content/0/refusal", text);
    free(text);
    free_stream(s);

    w.body = RESPONSES("hi [[sim: stream-error]]") "}";
    s = streamed(w);
    assert_string_equal(s->name[s->n - 1], "response.failed");
    assert_at(s->data[s->n - 1], "/response/status", "failed");
    free_stream(s);
}

static void responses_history(void **state)
{
    struct want w = {.dialect = DIALECT_RESPONSES};
    yyjson_doc *d;

    (void)state;
    w.body = "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
             "\"news\"}]},{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"news\","
             "\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"c1\","
             "\"output\":\"none today\"}]}";
    d = whole(&w);
    assert_at(d, "/output/0/content/0/text", "The tool answered: \"none today\".");
    yyjson_doc_free(d);

    /* Tools in a namespace, and one that takes free text. */
    w.body = RESPONSES(
        "search for apply_patch") ",\"tools\":[{\"type\":\"namespace\",\"name\":"
                                  "\"web\",\"tools\":[" FLAT_TOOL(
                                      "search",
                                      "{}") "]},{\"type\":\"custom\",\"name\":"
                                            "\"apply_patch\"},{\"type\":\"web_search\"}]}";
    d = whole(&w);
    assert_at(d, "/output/0/namespace", "web");
    assert_at(d, "/output/1/type", "custom_tool_call");
    assert_at(d, "/output/1/input", "search for apply_patch");
    yyjson_doc_free(d);
}

/* ---- Anthropic ---- */

static void anthropic_whole(void **state)
{
    struct want w = {.dialect = DIALECT_ANTHROPIC};
    yyjson_doc *d;

    (void)state;
    w.body = ANTHROPIC("weather in Rome") ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":"
                                          "1024},\"tools\":[" ANTHROPIC_TOOL("get_weather",
                                                                             WEATHER) "]}";
    d = whole(&w);
    assert_at(d, "/type", "message");
    assert_at(d, "/role", "assistant");
    assert_at(d, "/content/0/type", "thinking");
    assert_true(yyjson_get_len(at(d, "/content/0/signature")) > 20);
    assert_at(d, "/content/1/type", "tool_use");
    assert_true(str_starts(str_c(text_at(d, "/content/1/id")), S("toolu_")));
    assert_at(d, "/content/1/input/city", "Rome");
    assert_at(d, "/stop_reason", "tool_use");
    assert_true(yyjson_is_null(at(d, "/stop_sequence")));
    assert_true(number_at(d, "/usage/input_tokens") > 0);
    assert_int_equal(number_at(d, "/usage/cache_read_input_tokens"), 0);
    assert_true(number_at(d, "/usage/output_tokens_details/thinking_tokens") > 0);
    yyjson_doc_free(d);

    w.body = ANTHROPIC("hi") ",\"stop_sequences\":[\"simulator\"]}";
    d = whole(&w);
    assert_at(d, "/stop_reason", "stop_sequence");
    assert_at(d, "/stop_sequence", "simulator");
    yyjson_doc_free(d);

    w.body = "{\"max_tokens\":2,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    d = whole(&w);
    assert_at(d, "/stop_reason", "max_tokens");
    yyjson_doc_free(d);
}

static void anthropic_stream(void **state)
{
    struct want w = {.dialect = DIALECT_ANTHROPIC,
                     .body = ANTHROPIC("weather in Rome") ",\"thinking\":{\"type\":\"adaptive\"},"
                                                          "\"tools\":[" ANTHROPIC_TOOL(
                                                              "get_weather", WEATHER) "]}"};
    yyjson_doc *d = whole(&w), *input;
    struct stream *s = streamed(w);
    char *thought = joined(s, "/delta/thinking"), *json = joined(s, "/delta/partial_json");
    int open = -1, next = 0;
    unsigned pings = 0;

    (void)state;
    assert_string_equal(s->name[0], "message_start");
    assert_int_equal(number_at(s->data[0], "/message/usage/input_tokens"),
                     number_at(d, "/usage/input_tokens"));
    assert_int_equal(yyjson_arr_size(at(s->data[0], "/message/content")), 0);
    for (size_t i = 0; i < s->n; i++) {
        const char *type = text_at(s->data[i], "/type");

        assert_string_equal(type, s->name[i]);
        pings += !strcmp(type, "ping");
        if (!strcmp(type, "content_block_start")) {
            assert_int_equal(open, -1);
            open = (int)number_at(s->data[i], "/index");
            assert_int_equal(open, next++);
        } else if (!strcmp(type, "content_block_delta")) {
            assert_int_equal(number_at(s->data[i], "/index"), open);
        } else if (!strcmp(type, "content_block_stop")) {
            assert_int_equal(number_at(s->data[i], "/index"), open);
            open = -1;
        }
    }
    assert_int_equal(pings, 1);
    assert_int_equal(next, 2);
    assert_string_equal(s->name[s->n - 2], "message_delta");
    assert_at(s->data[s->n - 2], "/delta/stop_reason", "tool_use");
    assert_int_equal(number_at(s->data[s->n - 2], "/usage/output_tokens"),
                     number_at(d, "/usage/output_tokens"));
    assert_string_equal(s->name[s->n - 1], "message_stop");
    assert_string_equal(thought, text_at(d, "/content/0/thinking"));
    input = parse(json, strlen(json));
    assert_true(yyjson_equals(yyjson_doc_get_root(input), at(d, "/content/1/input")));
    yyjson_doc_free(input);
    free(json);
    free(thought);
    free_stream(s);
    yyjson_doc_free(d);
}

static void anthropic_history(void **state)
{
    struct want w = {.dialect = DIALECT_ANTHROPIC};
    struct got g;
    yyjson_doc *d;
    char body[2000];

    (void)state;
    w.body = ANTHROPIC("think") ",\"thinking\":{\"type\":\"adaptive\"}}";
    d = whole(&w);
    snprintf(body, sizeof(body),
             "{\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":"
             "\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":"
             "\"%s\"},{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"x\",\"input\":{}}]},{"
             "\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
             "\"content\":[{\"type\":\"text\",\"text\":\"42\"}]},{\"type\":\"text\",\"text\":"
             "\"and?\"}]}]}",
             text_at(d, "/content/0/signature"));
    yyjson_doc_free(d);
    w.body = body;
    d = whole(&w);
    assert_at(d, "/content/0/text", "The tool answered: \"42\".");
    yyjson_doc_free(d);

    /* A signature of somebody else. */
    strstr(body, "\"signature\":\"")[16] = 'x';
    g = ask(&w);
    assert_int_equal(g.status, 400);
    done(&g);
}

/* ---- Gemini ---- */

static void gemini_whole(void **state)
{
    struct want w = {.dialect = DIALECT_GEMINI, .path = "/v1beta/models/sim-1:generateContent"};
    yyjson_doc *d;

    (void)state;
    w.body = GEMINI("weather in Bonn") ",\"tools\":[{\"functionDeclarations\":[" GEMINI_TOOL(
        "get_weather",
        "{\"type\":\"OBJECT\",\"properties\":{\"city\":{\"type\":"
        "\"STRING\"}},\"required\":[\"city\"]}") "]}],\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":true}}}";
    d = whole(&w);
    assert_true(yyjson_is_true(at(d, "/candidates/0/content/parts/0/thought")));
    assert_at(d, "/candidates/0/content/parts/1/functionCall/args/city", "Bonn");
    assert_true(yyjson_get_len(at(d, "/candidates/0/content/parts/1/thoughtSignature")) > 20);
    assert_at(d, "/candidates/0/content/role", "model");
    assert_at(d, "/candidates/0/finishReason", "STOP");
    assert_int_equal(number_at(d, "/usageMetadata/promptTokenCount") +
                         number_at(d, "/usageMetadata/candidatesTokenCount") +
                         number_at(d, "/usageMetadata/thoughtsTokenCount"),
                     number_at(d, "/usageMetadata/totalTokenCount"));
    assert_at(d, "/modelVersion", "sim-1");
    yyjson_doc_free(d);

    w.body = GEMINI("[[sim: refuse]]") "}";
    d = whole(&w);
    assert_at(d, "/candidates/0/finishReason", "SAFETY");
    assert_null(yyjson_doc_ptr_get(d, "/candidates/0/content/parts/0"));
    yyjson_doc_free(d);

    w.body = GEMINI(
        "Mia is 7") ",\"generation_config\":{\"response_mime_type\":"
                    "\"application/json\",\"response_schema\":{\"type\":\"OBJECT\",\"properties\":{"
                    "\"age\":{\"type\":\"INTEGER\"}}},\"candidate_count\":2}}";
    d = whole(&w);
    assert_at(d, "/candidates/1/content/parts/0/text", "{\"age\":7}");
    yyjson_doc_free(d);
}

static void gemini_stream(void **state)
{
    struct want w = {.dialect = DIALECT_GEMINI, .path = SSE, .body = GEMINI("hi") "}"};
    yyjson_doc *d = whole(&w), *array;
    struct stream *s = streamed(w);
    char *text = joined(s, "/candidates/0/content/parts/0/text");
    struct got g;
    size_t n = s->n;

    (void)state;
    assert_string_equal(text, text_at(d, "/candidates/0/content/parts/0/text"));
    for (size_t i = 0; i < n; i++) {
        assert_at(s->data[i], "/responseId", text_at(s->data[0], "/responseId"));
        assert_int_equal(yyjson_doc_ptr_get(s->data[i], "/candidates/0/finishReason") != NULL,
                         i + 1 == n);
    }
    assert_true(yyjson_equals(at(s->data[n - 1], "/usageMetadata"), at(d, "/usageMetadata")));
    free(text);
    free_stream(s);
    yyjson_doc_free(d);

    /* Without alt=sse: one array, in pieces. */
    w.path = "/v1beta/models/sim-1:streamGenerateContent";
    w.stream = true;
    g = ask(&w);
    assert_non_null(strstr(g.type, "application/json"));
    assert_int_equal(g.length, -1);
    array = parse(g.body.p, g.body.n);
    assert_int_equal(yyjson_arr_size(yyjson_doc_get_root(array)), n);
    yyjson_doc_free(array);
    done(&g);
}

static void gemini_history(void **state)
{
    struct want w = {.dialect = DIALECT_GEMINI, .path = SSE};
    yyjson_doc *d;

    (void)state;
    /* Results of parallel calls in turns of their own. */
    w.body = "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]},{\"role\":\"model\",\"parts\":[{"
             "\"functionCall\":{\"name\":\"x\",\"args\":{}}},{\"functionCall\":{\"name\":\"y\"}}]"
             "},{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"y\",\"response\":"
             "{\"result\":\"two\"}}}]},{\"role\":\"user\",\"parts\":[{\"functionResponse\":{"
             "\"name\":\"x\",\"response\":{\"v\":1}}}]}]}";
    d = whole(&w);
    assert_at(d, "/candidates/0/content/parts/0/text",
              "The tools answered: \"two\", \"{\"v\":1}\".");
    yyjson_doc_free(d);
}

/* ---- The small operations ---- */

static void embeddings(void **state)
{
    struct want w = {.operation = SIM_EMBED};
    yyjson_doc *d;
    yyjson_val *v;
    size_t i, n;
    double sum = 0;

    (void)state;
    w.body = "{\"input\":[\"a cat\",\"a dog\"]}";
    d = whole(&w);
    assert_at(d, "/object", "list");
    assert_at(d, "/data/1/object", "embedding");
    assert_int_equal(yyjson_arr_size(at(d, "/data/0/embedding")), 256);
    yyjson_arr_foreach (at(d, "/data/0/embedding"), i, n, v)
        sum += yyjson_get_num(v) * yyjson_get_num(v);
    assert_true(sum > 0.999 && sum < 1.001);
    assert_true(number_at(d, "/usage/total_tokens") > 0);
    yyjson_doc_free(d);

    w.body = "{\"input\":\"x\",\"dimensions\":8,\"encoding_format\":\"base64\"}";
    d = whole(&w);
    assert_int_equal(yyjson_get_len(at(d, "/data/0/embedding")), 44); /* 32 bytes */
    yyjson_doc_free(d);

    w.dialect = DIALECT_GEMINI;
    w.body = "{\"content\":{\"parts\":[{\"text\":\"x\"}]},\"outputDimensionality\":16}";
    d = whole(&w);
    assert_int_equal(yyjson_arr_size(at(d, "/embedding/values")), 16);
    yyjson_doc_free(d);
    w.body = "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}},{\"content\":{\"parts\":["
             "{\"text\":\"y\"}]}}]}";
    d = whole(&w);
    assert_int_equal(yyjson_arr_size(at(d, "/embeddings")), 2);
    yyjson_doc_free(d);
}

static void small_operations(void **state)
{
    struct want w = {.operation = SIM_MODERATE, .body = "{\"input\":[\"I hate it\",\"fine\"]}"};
    yyjson_doc *d = whole(&w);
    struct got g;

    (void)state;
    assert_true(yyjson_is_true(at(d, "/results/0/flagged")));
    assert_true(yyjson_is_true(at(d, "/results/0/categories/hate")));
    assert_true(yyjson_is_false(at(d, "/results/1/flagged")));
    assert_int_equal(yyjson_obj_size(at(d, "/results/0/category_scores")), 13);
    yyjson_doc_free(d);

    w.operation = SIM_RERANK;
    w.body = "{\"query\":\"red fox\",\"documents\":[\"a cow\",{\"text\":\"the red fox\"},\"fox\"],"
             "\"top_n\":2,\"return_documents\":true}";
    d = whole(&w);
    assert_int_equal(yyjson_arr_size(at(d, "/results")), 2);
    assert_int_equal(number_at(d, "/results/0/index"), 1);
    assert_at(d, "/results/0/document/text", "the red fox");
    assert_true(yyjson_get_num(at(d, "/results/0/relevance_score")) >
                yyjson_get_num(at(d, "/results/1/relevance_score")));
    yyjson_doc_free(d);

    w.operation = SIM_IMAGE;
    w.body = "{\"prompt\":\"a pixel\",\"n\":2}";
    d = whole(&w);
    assert_int_equal(yyjson_arr_size(at(d, "/data")), 2);
    assert_true(str_starts(str_c(text_at(d, "/data/0/b64_json")), S("iVBOR")));
    yyjson_doc_free(d);
    w.stream = true;
    g = ask(&w);
    assert_string_equal(g.type, "text/event-stream");
    assert_true(str_starts(buf_str(&g.body), S("event: image_generation.completed\ndata: {")));
    done(&g);
    w.stream = false;
    w.body = "--form\r\n";
    d = whole(&w);
    assert_int_equal(yyjson_arr_size(at(d, "/data")), 1);
    yyjson_doc_free(d);
}

/* Counted alone and counted with an answer: the same. */
static void token_counts(void **state)
{
    struct want w = {.dialect = DIALECT_ANTHROPIC,
                     .body = ANTHROPIC("twelve bytes") ",\"system\":\"four\"}"};
    yyjson_doc *d = whole(&w), *count;

    (void)state;
    w.operation = SIM_COUNT_TOKENS;
    count = whole(&w);
    assert_int_equal(number_at(count, "/input_tokens"), number_at(d, "/usage/input_tokens"));
    assert_int_equal(number_at(count, "/input_tokens"), 5); /* user, twelve bytes, four */
    yyjson_doc_free(count);
    yyjson_doc_free(d);

    w.dialect = DIALECT_GEMINI;
    w.body = "{\"generateContentRequest\":" GEMINI("twelve bytes") "}}";
    count = whole(&w);
    assert_int_equal(number_at(count, "/totalTokens"), 4);
    yyjson_doc_free(count);

    w.dialect = DIALECT_RESPONSES;
    w.body = RESPONSES("twelve bytes") "}";
    count = whole(&w);
    assert_at(count, "/object", "response.input_tokens");
    assert_int_equal(number_at(count, "/input_tokens"), 3);
    yyjson_doc_free(count);
}

/* ---- Refusals ---- */

static const struct {
    enum dialect_id dialect;
    enum sim_operation operation;
    const char *body, *says;
} refused[] = {
    {DIALECT_CHAT, SIM_GENERATE, "{\"messages\":", "at byte"},
    {DIALECT_CHAT, SIM_GENERATE, "[]", "object"},
    {DIALECT_CHAT, SIM_GENERATE, "{}", "messages"},
    {DIALECT_CHAT, SIM_GENERATE, "{\"messages\":\"x\"}", "messages"},
    {DIALECT_CHAT, SIM_GENERATE, "{\"messages\":[]}", "empty array"},
    {DIALECT_CHAT, SIM_GENERATE, "{\"messages\":[1]}", "messages[0]"},
    {DIALECT_CHAT, SIM_GENERATE, "{\"messages\":[{\"content\":\"x\"}]}", "messages[0].role"},
    {DIALECT_CHAT, SIM_GENERATE, "{\"messages\":[{\"role\":\"x\",\"content\":\"x\"}]}", "role"},
    {DIALECT_CHAT, SIM_GENERATE, "{\"messages\":[{\"role\":\"user\",\"content\":7}]}", "content"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x") ",\"max_tokens\":0}", "max_tokens"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x") ",\"max_tokens\":\"1\"}", "max_tokens"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x") ",\"temperature\":3}", "temperature"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x") ",\"n\":129}", "'n'"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x") ",\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}", "stop"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x") ",\"stream_options\":{}}", "stream"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x") ",\"tools\":[{\"type\":\"function\"}]}", "name"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x") ",\"tool_choice\":\"required\"}", "tool_choice"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x") ",\"response_format\":{\"type\":\"x\"}}", "format"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x [[sim: eror=429]]") "}", "eror=429"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x [[sim: words=100001]]") "}", "words"},
    {DIALECT_CHAT, SIM_GENERATE, CHAT("x [[sim: tool=y]]") "}", "'y'"},
    {DIALECT_CHAT, SIM_GENERATE,
     "{\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"x\"}]}", "tool_calls"},
    {DIALECT_CHAT, SIM_GENERATE,
     "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c9\",\"function\":{"
     "\"name\":\"f\",\"arguments\":\"\"}}]},{\"role\":\"user\",\"content\":\"x\"}]}",
     "c9"},
    {DIALECT_CHAT, SIM_COMPLETIONS, "{}", "prompt"},
    {DIALECT_CHAT, SIM_COMPLETIONS, "{\"prompt\":[]}", "prompt"},
    {DIALECT_RESPONSES, SIM_GENERATE, "{}", "input"},
    {DIALECT_RESPONSES, SIM_GENERATE, "{\"input\":7}", "input"},
    {DIALECT_RESPONSES, SIM_GENERATE, RESPONSES("x") ",\"max_output_tokens\":15}", "max_output"},
    {DIALECT_RESPONSES, SIM_GENERATE, "{\"input\":[{\"role\":\"user\"}]}", "input[0].content"},
    {DIALECT_RESPONSES, SIM_GENERATE,
     "{\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"\"}]}", "c"},
    {DIALECT_RESPONSES, SIM_GENERATE,
     "{\"input\":[{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"AAAA\"}]}",
     "encrypted"},
    {DIALECT_RESPONSES, SIM_GENERATE,
     RESPONSES("x") ",\"text\":{\"format\":{\"type\":\"json_schema\"}}}", "text.format.name"},
    {DIALECT_ANTHROPIC, SIM_GENERATE, "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
     "max_tokens: Field required"},
    {DIALECT_ANTHROPIC, SIM_GENERATE, "{\"max_tokens\":1}", "messages: Field required"},
    {DIALECT_ANTHROPIC, SIM_GENERATE, ANTHROPIC("x") ",\"system\":1}", "system"},
    {DIALECT_ANTHROPIC, SIM_GENERATE, ANTHROPIC("x") ",\"tools\":[{\"name\":\"f\"}]}",
     "tools.0.custom.input_schema"},
    {DIALECT_ANTHROPIC, SIM_GENERATE,
     ANTHROPIC("x") ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1}}", "budget_tokens"},
    {DIALECT_ANTHROPIC, SIM_GENERATE,
     "{\"max_tokens\":1,\"messages\":[{\"role\":\"assistant\",\"content\":\"x\"}]}", "first"},
    {DIALECT_ANTHROPIC, SIM_GENERATE,
     "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
     "\"tool_use_id\":\"t\"}]}]}",
     "tool_use_id"},
    {DIALECT_ANTHROPIC, SIM_GENERATE,
     "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}", "non-empty"},
    {DIALECT_ANTHROPIC, SIM_GENERATE, ANTHROPIC("x") ",\"thread\":{\"type\":\"create\"}}",
     "thread_unsupported_request"},
    {DIALECT_GEMINI, SIM_GENERATE, "{}", "contents"},
    {DIALECT_GEMINI, SIM_GENERATE, "{\"contents\":[{}]}", "contents[0].parts"},
    {DIALECT_GEMINI, SIM_GENERATE, "{\"contents\":[{\"parts\":[{}]}]}", "contents[0].parts[0]"},
    {DIALECT_GEMINI, SIM_GENERATE, "{\"contents\":[{\"role\":\"x\",\"parts\":[{\"text\":\"\"}]}]}",
     "valid role"},
    {DIALECT_GEMINI, SIM_GENERATE, GEMINI("x") ",\"generationConfig\":{\"maxOutputTokens\":0}}",
     "max_output_tokens"},
    {DIALECT_GEMINI, SIM_GENERATE, GEMINI("x") ",\"generationConfig\":{\"temperature\":1000}}",
     "temperature"},
    {DIALECT_CHAT, SIM_EMBED, "{}", "input"},
    {DIALECT_CHAT, SIM_RERANK, "{\"query\":\"x\"}", "documents"},
    {DIALECT_CHAT, SIM_MODERATE, "{\"input\":[{}, 1]}", "input[1]"},
    {DIALECT_CHAT, SIM_IMAGE, "{\"n\":1}", "prompt"},
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        for (int stream = 0; stream < 2; stream++) {
            struct got g = ask(&(struct want){.dialect = refused[i].dialect,
                                              .operation = refused[i].operation,
                                              .body = refused[i].body,
                                              .stream = stream});
            yyjson_doc *d = parse(g.body.p, g.body.n);

            if (g.status != 400 || !strstr(buf_c(&g.body), refused[i].says))
                print_error("row %zu: %d %s\n", i, g.status, buf_c(&g.body));
            assert_int_equal(g.status, 400);
            assert_non_null(strstr(buf_c(&g.body), refused[i].says));
            assert_non_null(yyjson_doc_ptr_get(d, "/error/message"));
            assert_int_equal(g.length, g.body.n);
            yyjson_doc_free(d);
            done(&g);
        }
}

/* ---- Delivery ---- */

static void forced_failures(void **state)
{
    struct got g = ask(&(struct want){.body = CHAT("[[sim: error=429]]") "}", .stream = true});

    (void)state;
    assert_int_equal(g.status, 429);
    assert_string_equal(g.retry, "1");
    assert_true(g.id[0]);
    done(&g);

    g = ask(
        &(struct want){.dialect = DIALECT_ANTHROPIC, .body = ANTHROPIC("[[sim: error=529]]") "}"});
    assert_int_equal(g.status, 529);
    done(&g);

    g = ask(&(struct want){.body = CHAT("a [[sim: cut]]") "}", .stream = true});
    assert_int_equal(g.error, ERR_UP_CUT);
    assert_int_equal(g.status, 200);
    assert_true(g.body.n > 0);
    assert_null(strstr(buf_c(&g.body), "[DONE]"));
    done(&g);

    g = ask(&(struct want){.body = CHAT("a [[sim: cut]]") "}"});
    assert_int_equal(g.error, ERR_UP_CUT);
    assert_int_equal(g.body.n, g.length / 2);
    done(&g);

    g = ask(&(struct want){.body = CHAT("a [[sim: reset]]") "}", .stream = true});
    assert_int_equal(g.error, ERR_UP_RESET);
    assert_int_equal(g.heads, 0);
    done(&g);

    g = ask(&(struct want){.body = CHAT("a [[sim: stream-error]]") "}", .stream = true});
    assert_int_equal(g.error, OK);
    assert_non_null(strstr(buf_c(&g.body), "data: {\"error\""));
    assert_null(strstr(buf_c(&g.body), "[DONE]"));
    done(&g);
}

static void configured_failures(void **state)
{
    struct want w = {.body = CHAT("a") "}", .options = {.failure_rate = 1, .failure_status = 503}};
    struct got g = ask(&w);
    unsigned failed = 0;

    (void)state;
    assert_int_equal(g.status, 503);
    done(&g);
    w.options.failure_mode = SIM_FAIL_RESET;
    g = ask(&w);
    assert_int_equal(g.error, ERR_UP_RESET);
    done(&g);
    w.options.failure_mode = SIM_FAIL_CUT;
    g = ask(&w);
    assert_int_equal(g.error, ERR_UP_CUT);
    done(&g);

    /* About the share asked for, and the same seed fails again. */
    w.options.failure_mode = SIM_FAIL_STATUS;
    w.options.failure_rate = 0.3;
    for (w.seed = 1; w.seed <= 200; w.seed++) {
        int first;

        g = ask(&w);
        first = g.status;
        failed += first == 503;
        done(&g);
        if (w.seed % 50)
            continue;
        g = ask(&w);
        assert_int_equal(g.status, first);
        done(&g);
    }
    assert_in_range(failed, 35, 85);
}

static void hangs(void **state)
{
    struct got g = {.heads = 0};

    (void)state;
    begin(&g, &(struct want){.body = CHAT("a [[sim: hang]]") "}"});
    run();
    assert_int_equal(g.heads + g.ends, 0);
    call_pause(g.call);
    call_resume(g.call);
    g.gone = true;
    call_cancel(g.call);
    run();
    done(&g);
}

static void latency_and_pace(void **state)
{
    struct want w = {.body = CHAT("a [[sim: words=40]]") "}",
                     .stream = true,
                     .options = {.latency_ms = 50, .tokens_per_second = 400}};
    uint64_t start = clock_ns(), ms;
    struct got g = ask(&w);

    (void)state;
    /* 40 words of 5 letters and a blank are about 60 tokens: 150 ms. */
    assert_true(g.first_ns - start >= 45 * 1000000ULL);
    ms = (g.last_ns - g.first_ns) / 1000000;
    assert_in_range(ms, 80, 10000);
    assert_true(g.bodies >= 3);
    done(&g);

    /* Whole answers take as long before their first byte. */
    w.stream = false;
    start = clock_ns();
    g = ask(&w);
    assert_in_range((g.first_ns - start) / 1000000, 100, 10000);
    done(&g);

    /* The model's name can say how fast; a directive says it last. */
    w.model = "sim-fast";
    start = clock_ns();
    g = ask(&w);
    assert_true(clock_ns() - start < 150 * 1000000ULL);
    done(&g);
}

static void pauses(void **state)
{
    struct want w = {.body = CHAT("a [[sim: words=4000]]") "}", .stream = true};
    struct got g = {.pause_at_head = true}, other = {.heads = 0};
    size_t n = 0;

    (void)state;
    begin(&g, &w);
    run();
    assert_int_equal(g.heads, 1);
    assert_int_equal(g.bodies, 0);
    g.pause_at_head = false;
    g.pause_at_body = true;
    while (g.call) { /* one slice per resume */
        call_resume(g.call);
        run();
        assert_in_range(g.bodies, n, n + 1);
        n = (size_t)g.bodies;
    }
    assert_int_equal(g.ends, 1);
    assert_true(n > 10);
    assert_true(g.largest < 64 * 1024);

    other = ask(&w);
    assert_int_equal(g.body.n, other.body.n);
    done(&g);
    done(&other);

    /* A whole answer, too, and one that is cut. */
    w.stream = false;
    g = (struct got){.pause_at_body = true};
    begin(&g, &w);
    run();
    assert_int_equal(g.bodies, 1);
    call_resume(g.call);
    run();
    assert_int_equal(g.ends, 1);
    done(&g);

    /* Pauses do not count as time in which tokens were made. */
    w = (struct want){.body = CHAT("a [[sim: words=4000]]") "}",
                      .stream = true,
                      .options = {.tokens_per_second = 1000}};
    g = (struct got){.pause_at_body = true};
    begin(&g, &w);
    run();
    n = g.body.n;
    uv_sleep(300);
    uv_update_time(&worker.loop);
    call_resume(g.call);
    run();
    assert_true(g.body.n < n + 100 * 300); /* 200 words would be due otherwise */
    g.gone = true;
    call_cancel(g.call);
    run();
    done(&g);
}

static void cancels(void **state)
{
    static const struct sim_options paced = {.tokens_per_second = 100, .latency_ms = 5};
    struct want w = {.body = CHAT("a") "}", .stream = true};
    struct got g;

    (void)state;
    for (int i = 0; i < 8; i++) {
        w.stream = i & 1;
        w.options = i & 2 ? paced : (struct sim_options){.latency_ms = 0};
        g = (struct got){.cancel_at_head = i < 4, .cancel_at_body = i >= 4};
        begin(&g, &w);
        run();
        assert_true(g.gone);
        assert_int_equal(g.ends, 0);
        done(&g);
    }
    /* At once, and while paused. */
    g = (struct got){.gone = true};
    begin(&g, &w);
    call_cancel(g.call);
    run();
    done(&g);
    g = (struct got){.pause_at_body = true};
    begin(&g, &w);
    run();
    assert_int_equal(g.bodies, 1);
    g.gone = true;
    call_cancel(g.call);
    run();
    done(&g);
}

/* A long answer leaves the loop to others: a short one that began later ends first. */
static void takes_turns(void **state)
{
    struct got big = {.heads = 0}, small = {.heads = 0};

    (void)state;
    begin(&big, &(struct want){.body = CHAT("[[sim: words=50000]]") "}", .stream = true});
    begin(&small, &(struct want){.body = CHAT("x") "}", .stream = true});
    while (!small.ends)
        uv_run(&worker.loop, UV_RUN_ONCE);
    assert_int_equal(big.ends, 0);
    assert_true(big.largest < 64 * 1024);
    run();
    assert_int_equal(big.ends, 1);
    done(&big);
    done(&small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chat_whole),
        TEST(chat_stream),
        TEST(chat_tools),
        TEST(chat_tool_choice),
        TEST(chat_tool_result),
        TEST(chat_choices),
        TEST(chat_limits),
        TEST(chat_structured),
        TEST(chat_hostile_schema),
        TEST(chat_custom_tool),
        TEST(chat_refusal),
        TEST(completions),
        TEST(responses_whole),
        TEST(responses_stream),
        TEST(responses_text_stream),
        TEST(responses_history),
        TEST(anthropic_whole),
        TEST(anthropic_stream),
        TEST(anthropic_history),
        TEST(gemini_whole),
        TEST(gemini_stream),
        TEST(gemini_history),
        TEST(embeddings),
        TEST(small_operations),
        TEST(token_counts),
        TEST(refusals),
        TEST(forced_failures),
        TEST(configured_failures),
        TEST(hangs),
        TEST(latency_and_pace),
        TEST(pauses),
        TEST(cancels),
        TEST(takes_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
