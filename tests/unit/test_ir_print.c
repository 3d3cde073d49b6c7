/* ir/print.h: nothing left out, nothing that depends on how a text was cut or ordered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ir/print.h"
#include "json/read.h"

static struct arena arena;
static struct buf out;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    buf_init(&out, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    buf_fini(&out);
    return 0;
}

static yyjson_val *tree(const char *text)
{
    yyjson_val *v;
    assert_int_equal(json_read(str_c(text), &arena, &v, NULL), OK);
    return v;
}

static void printed(const char *want)
{
    if (!str_eq(buf_str(&out), str_c(want)))
        fail_msg("got:\n%.*s\nwanted:\n%s", (int)out.n, out.p, want);
}

static void fill_options(struct ir_request *rq)
{
    static str stops[] = {{"END", 3}, {"\n", 1}};
    rq->model = S("m");
    rq->stream = true;
    rq->max_tokens = S("100");
    rq->temperature = S("0.70");
    rq->top_p = S("1");
    rq->top_k = S("40");
    rq->seed = S("1");
    rq->frequency_penalty = S("2");
    rq->presence_penalty = S("3");
    rq->n = S("2");
    rq->stops = stops;
    rq->n_stops = 2;
    rq->logit_bias = tree("{\"50\":-1}");
    rq->logprobs = IR_YES;
    rq->top_logprobs = S("5");
    rq->reasoning = (struct ir_reasoning){IR_THINK_LEVEL, S("high"), 0, IR_YES, S("auto")};
    rq->format = (struct ir_format){
        .kind = IR_FORMAT_SCHEMA, .name = S("n"), .strict = IR_NO, .schema = tree("{}")};
    rq->verbosity = S("low");
    rq->wants_audio = rq->wants_image = true;
    rq->audio_options = tree("{\"voice\":\"v\"}");
    rq->service_tier = S("auto");
    rq->user = S("u");
    rq->metadata = tree("{\"b\":\"2\",\"a\":\"1\"}");
    rq->cache_key = S("k");
    rq->store = IR_NO;
    rq->include_usage = IR_YES;
}

static void test_options(void **state)
{
    struct ir_request rq;
    (void)state;
    ir_request_init(&rq, &arena, DIALECT_CHAT);
    ir_print_request(&rq, &out);
    printed("");
    fill_options(&rq);
    ir_print_request(&rq, &out);
    printed("model \"m\"\nstream\nmax_tokens 100\ntemperature 0.70\ntop_p 1\ntop_k 40\nseed 1\n"
            "frequency_penalty 2\npresence_penalty 3\nn 2\nstop \"END\" \"\\n\"\n"
            "logit_bias {\"50\":-1}\nlogprobs yes\ntop_logprobs 5\n"
            "reasoning level \"high\" shown=yes summary=\"auto\"\n"
            "format schema name=\"n\" strict=no schema={}\nverbosity \"low\"\n"
            "wants audio\naudio {\"voice\":\"v\"}\nwants image\n"
            "service_tier \"auto\"\nuser \"u\"\nmetadata {\"a\":\"1\",\"b\":\"2\"}\n"
            "cache_key \"k\"\nstore no\ninclude_usage yes\n");
}

static void test_tools(void **state)
{
    static str names[] = {{"f", 1}, {"g", 1}}, hosts[] = {{"a.test", 6}};
    struct ir_request rq;
    (void)state;
    ir_request_init(&rq, &arena, DIALECT_RESPONSES);
    struct ir_tool *t = ir_tool_add(&rq, IR_TOOL_FUNCTION);
    t->name = S("f");
    t->space = S("s");
    t->strict = IR_YES;
    t->deferred = true;
    t->description = S("d\n");
    t->schema = tree("{\"type\":\"object\",\"properties\":{}}");
    t->cache = tree("{\"type\":\"ephemeral\"}");
    t = ir_tool_add(&rq, IR_TOOL_CUSTOM);
    t->name = S("g");
    t->grammar = tree("{\"type\":\"grammar\"}");
    t = ir_tool_add(&rq, IR_TOOL_WEB_SEARCH);
    t->allowed = hosts;
    t->n_allowed = 1;
    t->context_size = S("low");
    t->max_uses = 3;
    t = ir_tool_add(&rq, IR_TOOL_OWN);
    t->src = tree("{\"type\":\"mcp\"}");
    rq.parallel = IR_NO;
    rq.choice =
        (struct ir_choice){.kind = IR_CHOICE_SOME, .required = true, .names = names, .n_names = 2};
    ir_print_request(&rq, &out);
    printed("tool function space=\"s\" name=\"f\" strict=yes deferred description=\"d\\n\" "
            "schema={\"properties\":{},\"type\":\"object\"} cache={\"type\":\"ephemeral\"}\n"
            "tool custom name=\"g\" grammar={\"type\":\"grammar\"}\n"
            "tool web_search allowed=[\"a.test\"] context_size=\"low\" max_uses=3\n"
            "tool own src={\"type\":\"mcp\"}\n"
            "parallel no\n"
            "choice some must \"f\" \"g\"\n");
}

static void test_messages(void **state)
{
    struct ir_request rq;
    char data[65];
    (void)state;
    memset(data, 'A', sizeof data);
    ir_request_init(&rq, &arena, DIALECT_ANTHROPIC);
    struct ir_message *m = ir_message_add(&rq, IR_SYSTEM);
    m->top = m->bare = true;
    ir_part_add(&rq, m, IR_PART_TEXT)->text = S("be brief");
    m = ir_message_add(&rq, IR_USER);
    m->name = S("ann");
    struct ir_media media = {.mime = S("image/png"), .data = str_of(data, 65), .detail = S("low")};
    ir_part_add(&rq, m, IR_PART_IMAGE)->media = &media;
    m = ir_message_add(&rq, IR_ASSISTANT);
    struct ir_part *p = ir_part_add(&rq, m, IR_PART_REASONING);
    p->text = S("hm");
    p->seal = (struct ir_seal){S("sig"), S(""), DIALECT_ANTHROPIC};
    p = ir_part_add(&rq, m, IR_PART_CALL);
    p->id = S("c1");
    p->name = S("f");
    p->args = tree("{\"b\":2,\"a\":1}");
    p = ir_part_add(&rq, m, IR_PART_CALL);
    p->call = IR_CALL_CUSTOM;
    p->text = S("free");
    m = ir_message_add(&rq, IR_TOOL);
    p = ir_part_add(&rq, m, IR_PART_RESULT);
    p->id = S("c1");
    p->is_error = true;
    struct ir_part inner = {.kind = IR_PART_TEXT};
    p->content = &inner;
    ir_print_request(&rq, &out);
    printed("system top bare\n"
            "  text \"be brief\"\n"
            "user name=\"ann\"\n"
            "  image mime=\"image/png\" data=65 bytes, hash adda8df032d2fac detail=\"low\"\n"
            "assistant\n"
            "  reasoning seal=anthropic value=\"sig\" \"hm\"\n"
            "  call id=\"c1\" name=\"f\" args={\"a\":1,\"b\":2}\n"
            "  call custom \"free\"\n"
            "tool\n"
            "  result error id=\"c1\"\n"
            "    text \"\"\n");
}

static void say(struct ir_printer *p, struct ir_event e)
{
    ir_printer_take(p, &e);
}

/* Wherever a text is cut, also inside a character. */
static void test_deltas_join(void **state)
{
    static const str text = {"a\xc3\xa9\"\n z", 7};
    (void)state;
    for (size_t cut = 0; cut <= text.n; cut++) {
        struct ir_printer p;
        buf_clear(&out);
        ir_printer_init(&p, &out);
        say(&p, (struct ir_event){.kind = IR_EV_DELTA, .index = 1, .text = str_head(text, cut)});
        say(&p, (struct ir_event){.kind = IR_EV_DELTA, .index = 1, .text = str_from(text, cut)});
        say(&p, (struct ir_event){.kind = IR_EV_DELTA, .index = 2, .text = S("")});
        say(&p, (struct ir_event){.kind = IR_EV_DELTA, .index = 2, .text = S("y")});
        ir_printer_fini(&p);
        printed("delta 0.1 \"a\xc3\xa9\\\"\\n z\"\ndelta 0.2 \"y\"\n");
    }
}

static void test_events(void **state)
{
    struct ir_printer p;
    struct ir_part text = {.kind = IR_PART_TEXT};
    struct ir_part call = {.kind = IR_PART_CALL, .id = S("c"), .name = S("f")};
    struct ir_part search = {.kind = IR_PART_SEARCH, .text = S("q")};
    struct ir_part seal = {.seal = {S("s"), S("i"), DIALECT_GEMINI}};
    struct ir_citation cite = {.url = S("u"), .start = 0, .end = -1};
    struct ir_error error = {.status = 529, .type = S("overloaded_error"), .message = S("busy")};
    (void)state;
    ir_printer_init(&p, &out);
    say(&p, (struct ir_event){.kind = IR_EV_START,
                              .id = S("x"),
                              .service_tier = S("std"),
                              .usage = {3, -1, 2, -1, -1}});
    say(&p, (struct ir_event){.kind = IR_EV_PART_BEGIN, .part = &text});
    say(&p, (struct ir_event){.kind = IR_EV_DELTA, .text = S("a")});
    say(&p, (struct ir_event){.kind = IR_EV_SEAL, .part = &seal});
    say(&p, (struct ir_event){.kind = IR_EV_CITATION, .citation = &cite});
    say(&p, (struct ir_event){.kind = IR_EV_LOGPROBS, .json = tree("[{\"b\":1,\"a\":2}]")});
    say(&p, (struct ir_event){.kind = IR_EV_PART_END});
    say(&p, (struct ir_event){.kind = IR_EV_PART_BEGIN, .index = 1, .part = &call});
    say(&p, (struct ir_event){.kind = IR_EV_PART_BEGIN, .choice = 1, .part = &search});
    say(&p, (struct ir_event){.kind = IR_EV_FINISH,
                              .choice = 1,
                              .finish = IR_FINISH_SEQUENCE,
                              .native = S("stop_sequence"),
                              .stop = S("END")});
    say(&p, (struct ir_event){.kind = IR_EV_USAGE, .usage = {3, 4, 2, 0, -1}});
    say(&p, (struct ir_event){.kind = IR_EV_END});
    say(&p, (struct ir_event){.kind = IR_EV_ERROR, .error = &error});
    ir_printer_fini(&p);
    printed("start id=\"x\" tier=\"std\" input=3 cached=2\n"
            "part 0.0 text\n"
            "delta 0.0 \"a\"\n"
            "seal 0.0 seal=gemini value=\"s\" seal-id=\"i\"\n"
            "cite 0.0 url=\"u\" from=0\n"
            "logprobs 0.0 [{\"a\":2,\"b\":1}]\n"
            "over 0.0\n"
            "part 0.1 call id=\"c\" name=\"f\"\n"
            "part 1.0 search \"q\"\n"
            "finish 1 sequence native=\"stop_sequence\" stop=\"END\"\n"
            "usage input=3 output=4 cached=2 cache_write=0\n"
            "end\n"
            "error status=529 type=\"overloaded_error\" \"busy\"\n");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_options), T(test_tools), T(test_messages), T(test_deltas_join), T(test_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
