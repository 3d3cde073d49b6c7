/*
 * Requests of other dialects fit what the Messages API takes of the very model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dialect/anthropic/models.h"
#include "support/document.h"
#include "support/written.h"

static struct ir_reasoning budget_of(int64_t tokens)
{
    return (struct ir_reasoning){.kind = IR_THINK_BUDGET, .budget = tokens};
}

static struct ir_reasoning level_of(const char *level)
{
    return (struct ir_reasoning){.kind = IR_THINK_LEVEL, .level = str_c(level)};
}

/* ---- what the very model takes ---- */

static void test_models(void **state)
{
    static const struct {
        const char *name;
        bool no_sampling, no_schemas, has_fast;
    } rows[] = {
        {"claude-opus-4-7", true, false, false},
        {"claude-opus-4-8-20260601", true, false, true},
        {"claude-opus-5", true, false, true},
        {"claude-sonnet-5", true, false, false},
        {"claude-fable-5", true, false, false},
        {"claude-mythos-preview", true, false, false},
        {"anthropic/claude-opus-4.8", true, false, true},
        {"us.anthropic.claude-sonnet-4-5-20250929-v1:0", false, false, false},
        {"claude-sonnet-4-6", false, false, false},
        {"claude-haiku-4-5-20251001", false, false, false},
        {"claude-sonnet-4-20250514", false, true, false},
        {"claude-opus-4-1-20250805", false, true, false},
        {"claude-3-7-sonnet@20250219", false, true, false},
        {"claude-3-opus-20240229", false, true, false},
        {"claude-opus-latest", false, false, false},
        {"deepseek-chat", false, false, false},
        {"", false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct anthropic_model m = anthropic_model(str_c(rows[i].name));
        if (m.no_sampling != rows[i].no_sampling || m.hides_thought != rows[i].no_sampling ||
            m.no_schemas != rows[i].no_schemas || m.has_fast != rows[i].has_fast)
            fail_msg("%s: %d %d %d", rows[i].name, m.no_sampling, m.no_schemas, m.has_fast);
    }
}

static yyjson_val *think(struct world *w, struct ir_reasoning r, const char *max_tokens,
                         struct ir_target to)
{
    struct ir_request rq;
    begin(w, &rq);
    rq.reasoning = r;
    if (max_tokens)
        rq.max_tokens = str_c(max_tokens);
    return written_for(w, &rq, to);
}

static void test_thinking(void **state)
{
    struct world *w = *state;
    struct ir_target none = {.stream = false}, small = {.max_output = 8192},
                     big = {.max_output = 64000}, newest = {.model = S("claude-opus-5")},
                     no = {.reasons = IR_NO};
    struct ir_reasoning level = level_of("minimal"), budget = budget_of(40000);
    yyjson_val *v = think(w, level, NULL, none);
    want_member(w, v, "thinking", "{\"type\":\"adaptive\"}");
    want_member(w, v, "output_config", "{\"effort\":\"low\"}");
    v = think(w, level, NULL, newest);
    want_member(w, v, "thinking", "{\"type\":\"adaptive\",\"display\":\"summarized\"}");
    v = think(w, (struct ir_reasoning){.kind = IR_THINK_AUTO, .shown = IR_NO}, NULL, newest);
    want_member(w, v, "thinking", "{\"type\":\"adaptive\",\"display\":\"omitted\"}");
    want_member(w, v, "output_config", NULL);
    v = think(w, (struct ir_reasoning){.kind = IR_THINK_OFF}, NULL, none);
    want_member(w, v, "thinking", "{\"type\":\"disabled\"}");
    v = think(w, level, NULL, no);
    want_member(w, v, "thinking", NULL);
    want_member(w, v, "output_config", NULL);

    v = think(w, budget, NULL, big); /* as much as the model can write */
    want_member(w, v, "thinking", "{\"type\":\"enabled\",\"budget_tokens\":40000}");
    want_member(w, v, "max_tokens", "64000");
    v = think(w, budget, NULL, none);
    want_member(w, v, "thinking", "{\"type\":\"enabled\",\"budget_tokens\":31999}");
    want_member(w, v, "max_tokens", "32000");
    v = think(w, budget, NULL, small);
    want_member(w, v, "thinking", "{\"type\":\"enabled\",\"budget_tokens\":8191}");
    want_member(w, v, "max_tokens", "8192");
    v = think(w, budget, "1024", none); /* thinking comes on top */
    want_member(w, v, "thinking", "{\"type\":\"enabled\",\"budget_tokens\":1024}");
    want_member(w, v, "max_tokens", "2048");
    budget.budget = 12;
    v = think(w, budget, "1e3", none);
    want_member(w, v, "max_tokens", "1e3");
    v = think(w, budget, NULL, none);
    want_member(w, v, "thinking", "{\"type\":\"enabled\",\"budget_tokens\":1024}");
}

static yyjson_val *sample_numbers(struct world *w, const char *temperature, const char *p,
                                  const char *k, enum ir_think kind, struct ir_target to)
{
    struct ir_request rq;
    begin(w, &rq);
    rq.temperature = str_c(temperature);
    rq.top_p = str_c(p);
    rq.top_k = str_c(k);
    rq.reasoning = (struct ir_reasoning){.kind = kind, .budget = 2048, .level = S("high")};
    return written_for(w, &rq, to);
}

static void test_sampling(void **state)
{
    struct world *w = *state;
    struct ir_target old = {.stream = false}, newest = {.model = S("claude-opus-4-8")};
    yyjson_val *v = sample_numbers(w, "1.5", NULL, "7", IR_THINK_UNSAID, old);
    want_member(w, v, "temperature", "1");
    want_member(w, v, "top_k", "7");
    v = sample_numbers(w, "0.5", "0.5", NULL, IR_THINK_UNSAID, old);
    want_member(w, v, "temperature", "0.5");
    want_member(w, v, "top_p", NULL);
    assert_true(lost_feature(w, CAN_TOP_P));
    assert_false(lost_feature(w, CAN_TEMPERATURE));
    v = sample_numbers(w, "0.5", "0.94", "3", IR_THINK_BUDGET, old);
    want_member(w, v, "temperature", NULL);
    want_member(w, v, "top_p", NULL);
    want_member(w, v, "top_k", NULL);
    assert_true(lost_feature(w, CAN_TEMPERATURE) && lost_feature(w, CAN_TOP_K));
    v = sample_numbers(w, NULL, "0.95", NULL, IR_THINK_LEVEL, old);
    want_member(w, v, "top_p", "0.95");
    v = sample_numbers(w, "0.7", NULL, NULL, IR_THINK_UNSAID, newest);
    want_member(w, v, "temperature", NULL);
    assert_true(lost_feature(w, CAN_TEMPERATURE));
    v = sample_numbers(w, "1", NULL, NULL, IR_THINK_UNSAID, newest);
    want_member(w, v, "temperature", "1");
    assert_int_equal(w->lost.n, 0);
}

static void test_stops_of_white_space(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    rq.stops = arena_array(&w->arena, str, 3);
    rq.n_stops = 3;
    rq.stops[0] = S("\n\n");
    rq.stops[1] = S("END");
    rq.stops[2] = S("");
    want_member(w, written(w, &rq), "stop_sequences", "[\"END\"]");
    assert_true(lost_feature(w, CAN_STOP));
}

static void test_forced_call_does_not_think(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    choose(w, &rq, IR_CHOICE_REQUIRED);
    rq.reasoning = budget_of(2048);
    yyjson_val *v = written(w, &rq);
    want_member(w, v, "thinking", NULL);
    want_member(w, v, "tool_choice", "{\"type\":\"any\"}");
    assert_true(lost_feature(w, CAN_BUDGET));
    begin(w, &rq);
    say(&rq, IR_ASSISTANT, "It is");
    rq.reasoning = level_of("high");
    want_member(w, written(w, &rq), "output_config", NULL);
}

/* A turn that goes on must have begun with thinking, or a budget is refused. */
static void test_turn_that_began_without_thinking(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    add_tool(w, &rq, IR_TOOL_FUNCTION, "f");
    add_call(&rq);
    add_result(&rq);
    rq.reasoning = budget_of(2048);
    yyjson_val *v = written(w, &rq);
    want_member(w, v, "thinking", NULL);
    assert_true(lost_feature(w, CAN_BUDGET));

    begin(w, &rq); /* effort does not mind */
    add_tool(w, &rq, IR_TOOL_FUNCTION, "f");
    add_call(&rq);
    add_result(&rq);
    rq.reasoning = level_of("high");
    want_member(w, written(w, &rq), "thinking", "{\"type\":\"adaptive\"}");

    begin(w, &rq); /* with thinking of this provider it goes on thinking */
    add_tool(w, &rq, IR_TOOL_FUNCTION, "f");
    struct ir_message *m = say(&rq, IR_ASSISTANT, NULL);
    struct ir_part *p = ir_part_add(&rq, m, IR_PART_REASONING);
    p->seal = (struct ir_seal){.value = S("sig"), .issuer = DIALECT_ANTHROPIC};
    add_call(&rq); /* a message of its own: the same turn */
    add_result(&rq);
    rq.reasoning = budget_of(2048);
    want_member(w, written(w, &rq), "thinking", "{\"type\":\"enabled\",\"budget_tokens\":2048}");

    begin(w, &rq); /* a turn that is over does not count */
    add_tool(w, &rq, IR_TOOL_FUNCTION, "f");
    add_call(&rq);
    add_result(&rq);
    say(&rq, IR_ASSISTANT, "done");
    say(&rq, IR_USER, "next");
    rq.reasoning = budget_of(2048);
    want_member(w, written(w, &rq), "thinking", "{\"type\":\"enabled\",\"budget_tokens\":2048}");
}

/* A later step of the turn that did not think does not do either. */
static void test_turn_that_stopped_thinking(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    add_tool(w, &rq, IR_TOOL_FUNCTION, "f");
    struct ir_part *p = ir_part_add(&rq, say(&rq, IR_ASSISTANT, NULL), IR_PART_REASONING);
    p->seal = (struct ir_seal){.value = S("sig"), .issuer = DIALECT_ANTHROPIC};
    add_call(&rq);
    add_result(&rq);
    add_call(&rq)->id = S("call_2");
    add_result(&rq)->id = S("call_2");
    rq.reasoning = budget_of(2048);
    want_member(w, written(w, &rq), "thinking", NULL);
}

static void test_tools_that_were_called_but_are_not_declared(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    add_call(&rq);
    add_result(&rq);
    yyjson_val *v = written(w, &rq);
    want_member(w, v, "tools",
                "[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}]");
    want_member(w, v, "tool_choice", "{\"type\":\"none\"}");
}

static void test_choice_of_a_tool_that_is_not_there(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    choose(w, &rq, IR_CHOICE_ONE);
    rq.choice.names[0] = S("nope");
    assert_int_equal(write_to(w, &rq, (struct ir_target){.stream = false}), ERR_BAD_REQUEST);
    assert_non_null(strstr(w->fail.text, "\"nope\""));
}

static void test_some_tools(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    choose(w, &rq, IR_CHOICE_SOME);
    rq.choice.required = true;
    yyjson_val *v = written(w, &rq);
    assert_int_equal(yyjson_arr_size(jv_get(v, "tools")), 1);
    assert_true(jv_is(yyjson_obj_get(yyjson_arr_get(jv_get(v, "tools"), 0), "name"), "g"));
    want_member(w, v, "tool_choice", "{\"type\":\"any\"}");
}

static void test_hosted_web_search(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    struct ir_tool *t = add_tool(w, &rq, IR_TOOL_WEB_SEARCH, "web_search_preview");
    t->allowed = arena_array(&w->arena, str, 1);
    t->allowed[t->n_allowed++] = S("a.org");
    t->max_uses = 3;
    t->location = json(w, "{\"type\":\"approximate\",\"city\":\"Bern\",\"country\":\"CH\"}");
    rq.choice = (struct ir_choice){.kind = IR_CHOICE_ONE, .tool = IR_TOOL_WEB_SEARCH};
    yyjson_val *v = written(w, &rq);
    want_member(w, v, "tools",
                "[{\"type\":\"web_search_20250305\",\"name\":\"web_search\",\"max_uses\":3,"
                "\"allowed_domains\":[\"a.org\"],\"user_location\":{\"type\":\"approximate\","
                "\"city\":\"Bern\",\"country\":\"CH\"}}]");
    want_member(w, v, "tool_choice", "{\"type\":\"tool\",\"name\":\"web_search\"}");
}

static void test_names_are_unique(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    add_tool(w, &rq, IR_TOOL_WEB_SEARCH, "web_search_preview");
    add_tool(w, &rq, IR_TOOL_WEB_SEARCH, "web_search");
    add_tool(w, &rq, IR_TOOL_CODE_EXECUTION, "code_interpreter");
    add_tool(w, &rq, IR_TOOL_FUNCTION, "code_execution")->schema = NULL;
    want_member(w, written(w, &rq), "tools",
                "[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"},{\"name\":"
                "\"code_execution\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}]");
    assert_int_equal(w->lost.n, 2);
}

/* ---- schemas ---- */

static void tool_schema(struct world *w, const char *schema, enum ir_tri strict, const char *wanted)
{
    struct ir_request rq;
    begin(w, &rq);
    struct ir_tool *t = add_tool(w, &rq, IR_TOOL_FUNCTION, "f");
    t->schema = schema ? json(w, schema) : NULL;
    t->strict = strict;
    yyjson_val *v = yyjson_arr_get(jv_get(written(w, &rq), "tools"), 0);
    want_member(w, v, "input_schema", wanted);
}

static void test_tool_schemas(void **state)
{
    struct world *w = *state;
    const char *empty = "{\"type\":\"object\",\"properties\":{}}";
    tool_schema(w, NULL, IR_UNSAID, empty);
    tool_schema(w, "{}", IR_UNSAID, empty);
    tool_schema(w, "{\"type\":\"object\"}", IR_UNSAID, "{\"type\":\"object\"}");
    tool_schema(w,
                "{\"anyOf\":[{\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]},"
                "{\"properties\":{\"a\":{\"type\":\"number\"},\"b\":{}},\"required\":[\"b\"]}],"
                "\"required\":[\"c\"],\"description\":\"d\"}",
                IR_UNSAID,
                "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{}},"
                "\"required\":[\"c\"],\"description\":\"d\"}");
    tool_schema(w,
                "{\"type\":\"object\",\"properties\":{\"z\":{}},\"allOf\":[{\"$ref\":"
                "\"#/$defs/X\"},{\"required\":[\"z\",\"a\"]}],\"$defs\":{\"X\":{\"properties\":"
                "{\"a\":{}},\"required\":[\"a\"]}}}",
                IR_UNSAID,
                "{\"type\":\"object\",\"properties\":{\"z\":{},\"a\":{}},\"required\":[\"a\","
                "\"z\"],\"$defs\":{\"X\":{\"properties\":{\"a\":{}},\"required\":[\"a\"]}}}");
    /* A parameter may be called like a keyword. */
    tool_schema(w, "{\"type\":\"object\",\"properties\":{\"anyOf\":{\"type\":\"string\"}}}",
                IR_UNSAID,
                "{\"type\":\"object\",\"properties\":{\"anyOf\":{\"type\":\"string\"}}}");
}

static void test_strict_schemas(void **state)
{
    struct world *w = *state;
    tool_schema(
        w,
        "{\"type\":\"object\",\"$schema\":\"x\",\"properties\":{\"minimum\":{\"type\":"
        "\"integer\",\"minimum\":1,\"maximum\":9,\"description\":\"how many\"},\"when\":{"
        "\"type\":\"string\",\"format\":\"date\"},\"zip\":{\"type\":\"string\",\"format\":"
        "\"zip\",\"pattern\":\"^[0-9]{5}$\"},\"odd\":{\"type\":\"string\",\"pattern\":"
        "\"(?=x)\"},\"list\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":3,\"items\":{"
        "\"type\":\"object\",\"properties\":{\"k\":{\"oneOf\":[{\"type\":\"string\"},{\"type\":"
        "\"null\"}]}},\"required\":[\"k\"],\"additionalProperties\":true}}},\"required\":["
        "\"minimum\",\"when\",\"zip\",\"odd\",\"list\"]}",
        IR_YES,
        "{\"type\":\"object\",\"properties\":{\"minimum\":{\"type\":\"integer\",\"description\":"
        "\"how many\\n\\n{minimum: 1, maximum: 9}\"},\"when\":{\"type\":\"string\",\"format\":"
        "\"date\"},\"zip\":{\"type\":\"string\",\"pattern\":\"^[0-9]{5}$\",\"description\":"
        "\"{format: \\\"zip\\\"}\"},\"odd\":{\"type\":\"string\",\"description\":\"{pattern: "
        "\\\"(?=x)\\\"}\"},\"list\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":"
        "\"object\",\"properties\":{\"k\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}}"
        ",\"required\":[\"k\"],\"additionalProperties\":false},\"description\":\"{maxItems: 3}\"}"
        "},\"required\":[\"minimum\",\"when\",\"zip\",\"odd\",\"list\"],"
        "\"additionalProperties\":false}");
}

/* Past the limits the tools behind are not strict, rather than all of them refused. */
static void test_too_many_strict_tools(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    size_t strict_ones = 0, i, n;
    yyjson_val *t;
    begin(w, &rq);
    for (int k = 0; k < 25; k++)
        add_tool(w, &rq, IR_TOOL_FUNCTION, "f")->strict = IR_YES;
    yyjson_val *v = written(w, &rq);
    yyjson_arr_foreach (jv_get(v, "tools"), i, n, t) {
        strict_ones += jv_true(yyjson_obj_get(t, "strict"));
    }
    assert_int_equal(strict_ones, 20);
    assert_true(lost_feature(w, CAN_TOOL_STRICT));
    begin(w, &rq);
    add_tool(w, &rq, IR_TOOL_FUNCTION, "f")->strict = IR_YES;
    v = written_for(w, &rq, (struct ir_target){.model = S("claude-opus-4-1")});
    assert_null(yyjson_obj_get(yyjson_arr_get(jv_get(v, "tools"), 0), "strict"));
}

static void json_schema(struct world *w, struct ir_request *rq)
{
    rq->format.kind = IR_FORMAT_SCHEMA;
    rq->format.schema = json(w, "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
                                "\"integer\",\"minimum\":1}}}");
}

static void test_formats(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    json_schema(w, &rq);
    want_member(w, written(w, &rq), "output_config",
                "{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\","
                "\"properties\":{\"n\":{\"type\":\"integer\",\"description\":\"{minimum: 1}\"}},"
                "\"additionalProperties\":false}}}");
    begin(w, &rq);
    json_schema(w, &rq);
    yyjson_val *v = written_for(w, &rq, (struct ir_target){.model = S("claude-3-7-sonnet")});
    want_member(w, v, "output_config", NULL);
    str prompt = jv_get_str(yyjson_arr_get(jv_get(v, "system"), 0), "text");
    assert_true(str_find(prompt, S("\"minimum\":1")) < prompt.n);
    /* A copy of the API may not know the member, and pass it by. */
    begin(w, &rq);
    json_schema(w, &rq);
    v = written_for(w, &rq, (struct ir_target){.model = S("kimi-k3"), .is_compat = true});
    want_member(w, v, "output_config", NULL);
    assert_int_equal(yyjson_arr_size(jv_get(v, "system")), 1);
}

/* ---- content ---- */

static void test_media_types(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    add_media(w, &rq, IR_PART_IMAGE, (struct ir_media){.mime = S("image/png"), .data = GIF});
    yyjson_val *v = yyjson_arr_get(jv_get(written(w, &rq), "messages"), 0);
    v = yyjson_arr_get(jv_get(v, "content"), 1);
    want_member(w, v, "source",
                "{\"type\":\"base64\",\"media_type\":\"image/gif\",\"data\":"
                "\"R0lGODlhAQABAAAAACwAAAAAAQABAAA=\"}");

    begin(w, &rq);
    add_media(w, &rq, IR_PART_IMAGE,
              (struct ir_media){.mime = S("image/svg+xml"), .data = S("aa")});
    assert_int_equal(write_to(w, &rq, (struct ir_target){.stream = false}), ERR_BAD_REQUEST);

    begin(w, &rq);
    add_media(
        w, &rq, IR_PART_DOCUMENT,
        (struct ir_media){
            .mime = S("text/plain"), .data = S("aGVsbG8="), .name = S("n"), .context = S("c")});
    v = yyjson_arr_get(jv_get(written(w, &rq), "messages"), 0);
    assert_true(document_same(
        S("{\"type\":\"document\",\"title\":\"n\",\"context\":\"c\",\"source\":{\"type\":\"text\","
          "\"media_type\":\"text/plain\",\"data\":\"hello\"}}"),
        json_text_of(yyjson_arr_get(jv_get(v, "content"), 1), &w->arena), NULL, &w->fail));

    begin(w, &rq);
    add_media(w, &rq, IR_PART_DOCUMENT,
              (struct ir_media){.mime = S("application/msword"), .data = S("0M8R4A==")});
    assert_int_equal(write_to(w, &rq, (struct ir_target){.stream = false}), ERR_BAD_REQUEST);
    assert_non_null(strstr(w->fail.text, "application/msword"));
}

static void test_cache_marks(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    yyjson_val *mark = json(w, "{\"type\":\"ephemeral\"}"), *v;
    begin(w, &rq);
    rq.messages->parts.first->cache = mark;
    for (int i = 0; i < 2; i++) {
        say(&rq, IR_ASSISTANT, "a")->parts.first->cache = mark;
        say(&rq, IR_USER, "u")->parts.first->cache = mark;
    }
    add_tool(w, &rq, IR_TOOL_FUNCTION, "f")->cache = mark;
    v = written(w, &rq);
    assert_true(lost_feature(w, CAN_CACHE_MARK));
    assert_non_null(jv_get(yyjson_arr_get(jv_get(v, "tools"), 0), "cache_control"));
    for (size_t i = 0; i < 5; i++) {
        yyjson_val *m = yyjson_arr_get(jv_get(v, "messages"), i);
        bool marked = jv_get(yyjson_arr_get(jv_get(m, "content"), 0), "cache_control");
        assert_int_equal(marked, i >= 2);
    }
}

static void test_assistants_send_no_media(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    struct ir_part *p = ir_part_add(&rq, say(&rq, IR_ASSISTANT, "see"), IR_PART_IMAGE);
    p->media = arena_new(&w->arena, struct ir_media);
    p->media->data = GIF;
    say(&rq, IR_USER, "nice");
    yyjson_val *v = yyjson_arr_get(jv_get(written(w, &rq), "messages"), 1);
    want_member(w, v, "content", "[{\"type\":\"text\",\"text\":\"see\"}]");
    assert_true(lost_feature(w, CAN_IMAGE_DATA));
}

static void test_prefill(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    say(&rq, IR_ASSISTANT, "It is ");
    yyjson_val *v = written_for(w, &rq, (struct ir_target){.model = S("claude-opus-4-6")});
    want_member(w, v, "messages",
                "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]},{\"role\":"
                "\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"It is\"}]},{\"role\":"
                "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Continue.\"}]}]");
}

static void test_odd_conversations(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    ir_request_init(&rq, &w->arena, DIALECT_CHAT);
    say(&rq, IR_SYSTEM, "s");
    want_member(w, written(w, &rq), "messages",
                "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\".\"}]}]");

    ir_request_init(&rq, &w->arena, DIALECT_CHAT);
    say(&rq, IR_ASSISTANT, "hello  \n");
    want_member(w, written(w, &rq), "messages",
                "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\".\"}]},{\"role\":"
                "\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"hello\"}]}]");

    begin(w, &rq); /* a message of nothing but foreign thoughts leaves nothing */
    struct ir_part *p = ir_part_add(&rq, say(&rq, IR_ASSISTANT, NULL), IR_PART_REASONING);
    p->text = S("hm");
    p->seal = (struct ir_seal){.value = S("x"), .issuer = DIALECT_RESPONSES};
    say(&rq, IR_USER, " \n");
    say(&rq, IR_USER, "go on");
    want_member(w, written(w, &rq), "messages",
                "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"},{\"type\":"
                "\"text\",\"text\":\"go on\"}]}]");

    begin(w, &rq);
    p = ir_part_add(&rq, say(&rq, IR_ASSISTANT, NULL), IR_PART_REASONING);
    p->text = S("hm");
    say(&rq, IR_USER, "go on");
    yyjson_val *v =
        written_for(w, &rq, (struct ir_target){.is_compat = true, .model = S("kimi-k3")});
    want_member(w, yyjson_arr_get(jv_get(v, "messages"), 1), "content",
                "[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"\"}]");
}

static void test_counting(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    rq.max_tokens = S("77");
    rq.temperature = S("0.5");
    rq.user = S("u");
    rq.service_tier = S("auto");
    rq.stops = arena_array(&w->arena, str, 1);
    rq.stops[rq.n_stops++] = S("END");
    add_tool(w, &rq, IR_TOOL_FUNCTION, "f");
    rq.reasoning = level_of("high");
    (void)written_for(w, &rq, (struct ir_target){.counting = true, .stream = true});
    want(w, "{\"model\":\"claude-sonnet-4-5\",\"messages\":[{\"role\":\"user\",\"content\":[{"
            "\"type\":\"text\",\"text\":\"hi\"}]}],\"tools\":[{\"name\":\"f\",\"input_schema\":{"
            "\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":["
            "\"a\"],\"additionalProperties\":false}}],\"thinking\":{\"type\":\"adaptive\"},"
            "\"output_config\":{\"effort\":\"high\"}}");
}

static void test_service_tiers(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    begin(w, &rq);
    rq.service_tier = S("priority");
    want_member(w, written_for(w, &rq, (struct ir_target){.model = S("claude-opus-5")}), "speed",
                "\"fast\"");
    assert_true(str_eq(codec_anthropic.request_beta(&rq), S("fast-mode-2026-02-01")));
    begin(w, &rq);
    rq.service_tier = S("priority");
    want_member(w, written(w, &rq), "speed", NULL);
    assert_true(lost_feature(w, CAN_SERVICE_TIER));
    assert_int_equal(codec_anthropic.request_beta(&rq).n, 0);
    begin(w, &rq);
    rq.service_tier = S("default");
    want_member(w, written(w, &rq), "service_tier", "\"standard_only\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_thinking),
        cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_stops_of_white_space),
        cmocka_unit_test(test_forced_call_does_not_think),
        cmocka_unit_test(test_turn_that_began_without_thinking),
        cmocka_unit_test(test_turn_that_stopped_thinking),
        cmocka_unit_test(test_names_are_unique),
        cmocka_unit_test(test_cache_marks),
        cmocka_unit_test(test_assistants_send_no_media),
        cmocka_unit_test(test_prefill),
        cmocka_unit_test(test_tools_that_were_called_but_are_not_declared),
        cmocka_unit_test(test_choice_of_a_tool_that_is_not_there),
        cmocka_unit_test(test_some_tools),
        cmocka_unit_test(test_hosted_web_search),
        cmocka_unit_test(test_tool_schemas),
        cmocka_unit_test(test_strict_schemas),
        cmocka_unit_test(test_too_many_strict_tools),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_media_types),
        cmocka_unit_test(test_odd_conversations),
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_service_tiers),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
