/*
 * Answers of the Messages API: what the stream writer makes of events of other dialects, whatever
 * order they come in, and what the reader makes of providers that do it a little differently.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ir/print.h"
#include "ir/seal.h"
#include "support/document.h"
#include "support/translate.h"

enum { OUT_MAX = 1 << 26 };

struct world {
    struct arena arena;
    struct buf stream, lines;
    struct answer_ask ask;
    struct client_stream client;
    struct ir_answer answer; /* the same events, collected */
    struct fail fail;
};

static void restart(struct world *w, enum dialect_id from)
{
    client_stream_fini(&w->client);
    w->ask.from = from;
    buf_clear(&w->stream);
    client_stream_init(&w->client, &codec_anthropic, &w->ask, &w->stream);
    ir_answer_init(&w->answer, &w->arena, from, OUT_MAX, false);
}

static int setup(void **state)
{
    static struct world w;
    arena_init(&w.arena);
    buf_init(&w.stream, OUT_MAX);
    buf_init(&w.lines, OUT_MAX);
    w.ask = translate_ask(&w.arena, DIALECT_CHAT);
    client_stream_init(&w.client, &codec_anthropic, &w.ask, &w.stream);
    ir_answer_init(&w.answer, &w.arena, DIALECT_CHAT, OUT_MAX, false);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    client_stream_fini(&w->client);
    buf_fini(&w->stream);
    buf_fini(&w->lines);
    arena_fini(&w->arena);
    return 0;
}

/* ---- events ---- */

static void emit(struct world *w, struct ir_event e)
{
    client_stream_take(&w->client, &e);
    ir_answer_take(&w->answer, &e);
}

static void start(struct world *w)
{
    emit(w, (struct ir_event){.kind = IR_EV_START, .id = S("chatcmpl-1"), .usage = USAGE_NONE});
}

static void begin(struct world *w, unsigned index, struct ir_part p)
{
    emit(w, (struct ir_event){.kind = IR_EV_PART_BEGIN, .index = index, .part = &p});
}

static void begin_kind(struct world *w, unsigned index, enum ir_part_kind kind)
{
    begin(w, index, (struct ir_part){.kind = kind});
}

static void begin_call(struct world *w, unsigned index, const char *id, const char *name)
{
    begin(w, index, (struct ir_part){.kind = IR_PART_CALL, .id = str_c(id), .name = str_c(name)});
}

static void delta(struct world *w, unsigned index, const char *text)
{
    emit(w, (struct ir_event){.kind = IR_EV_DELTA, .index = index, .text = str_c(text)});
}

static void end(struct world *w, unsigned index)
{
    emit(w, (struct ir_event){.kind = IR_EV_PART_END, .index = index});
}

static void finish(struct world *w, enum ir_finish f)
{
    emit(w, (struct ir_event){.kind = IR_EV_FINISH, .finish = f, .native = S("native")});
    emit(w,
         (struct ir_event){
             .kind = IR_EV_USAGE,
             .usage = {.input = 10, .output = 5, .cached = 4, .cache_write = -1, .reasoning = 2}});
    emit(w, (struct ir_event){.kind = IR_EV_END});
}

/* ---- the stream, a line for each event ---- */

static void put_value(struct buf *out, yyjson_val *v)
{
    struct json_writer jw = json_writer(out);
    buf_put_char(out, ' ');
    jw_value(&jw, v);
}

static void put_line(struct world *w, str type, yyjson_val *root)
{
    static const char *const members[] = {"content_block", "delta", "usage", "error", "message"};
    struct buf *out = &w->lines;
    assert_true(jv_is(yyjson_obj_get(root, "type"), "message_start") || w->lines.n ||
                str_eq(type, S("error")));
    assert_true(str_eq(jv_get_str(root, "type"), type));
    buf_put(out, type);
    if (yyjson_obj_get(root, "index"))
        put_value(out, yyjson_obj_get(root, "index"));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (yyjson_obj_get(root, members[i]))
            put_value(out, yyjson_obj_get(root, members[i]));
    }
    buf_put_char(out, '\n');
}

/* Blocks open one at a time, are numbered without gaps, and nothing comes behind the end. */
static void check_order(str type, yyjson_val *root, int64_t *open, int64_t *next, bool *over)
{
    int64_t index = jv_get_i64(root, "index", -1);
    assert_false(*over);
    if (str_eq(type, S("content_block_start"))) {
        assert_int_equal(*open, -1);
        assert_int_equal(index, (*next)++);
        *open = index;
    } else if (str_eq(type, S("content_block_delta"))) {
        assert_int_equal(index, *open);
    } else if (str_eq(type, S("content_block_stop"))) {
        assert_int_equal(index, *open);
        *open = -1;
    } else if (str_eq(type, S("message_delta"))) {
        assert_int_equal(*open, -1);
    }
    *over = str_eq(type, S("message_stop")) || str_eq(type, S("error"));
}

static const char *lines(struct world *w)
{
    struct sse_splitter s;
    struct buf joined;
    int64_t open = -1, next = 0;
    bool over = false;
    str in = buf_str(&w->stream), frame;
    buf_clear(&w->lines);
    buf_init(&joined, OUT_MAX);
    sse_splitter_init(&s, OUT_MAX);
    while (sse_next(&s, &in, &frame) > 0) {
        struct sse_event ev;
        yyjson_val *root;
        sse_parse(frame, &joined, &ev);
        assert_int_equal(json_read(ev.data, &w->arena, &root, &w->fail), OK);
        check_order(ev.type, root, &open, &next, &over);
        put_line(w, ev.type, root);
    }
    assert_int_equal(sse_rest(&s).n, 0);
    sse_splitter_fini(&s);
    buf_fini(&joined);
    return buf_c(&w->lines);
}

#define START                                                                               \
    "message_start {\"id\":\"msg_abcdefghijklmnopqrstuvwx\",\"type\":\"message\",\"role\":" \
    "\"assistant\",\"model\":\"client-model\",\"content\":[],\"stop_reason\":null,"         \
    "\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,\"output_tokens\":0}}\n"

#define END(reason) END_WITH(reason, "")
#define END_WITH(reason, more)                                                                   \
    "message_delta {\"stop_reason\":\"" reason "\",\"stop_sequence\":null} {\"input_tokens\":6," \
    "\"cache_read_input_tokens\":4,\"output_tokens\":5,\"output_tokens_details\":{"              \
    "\"thinking_tokens\":2}" more "}\nmessage_stop\n"

#define TEXT(i, text)                                                             \
    "content_block_start " i " {\"type\":\"text\",\"text\":\"\"}\n"               \
    "content_block_delta " i " {\"type\":\"text_delta\",\"text\":\"" text "\"}\n" \
    "content_block_stop " i "\n"

#define CALL(i, id, name)                                                                 \
    "content_block_start " i " {\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name \
    "\",\"input\":{}}\n"
#define ARGS(i, json) \
    "content_block_delta " i " {\"type\":\"input_json_delta\",\"partial_json\":\"" json "\"}\n"
#define STOP(i) "content_block_stop " i "\n"

static void want_whole(struct world *w, const char *content, const char *reason)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    codec_anthropic.write_whole(&w->ask, &w->answer, &out);
    str text = arena_printf(&w->arena,
                            "{\"id\":\"*\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
                            "\"client-model\",\"content\":%s,\"stop_reason\":\"%s\",\"usage\":"
                            "\"*\"}",
                            content, reason);
    struct document_blanks blanks;
    document_blanks_init(&blanks);
    if (!document_same(text, buf_str(&out), &blanks, &w->fail))
        fail_msg("%s\n%.*s", w->fail.text, STR_FMT(buf_str(&out)));
    document_blanks_fini(&blanks);
    buf_fini(&out);
}

/* ---- plain streams ---- */

static void test_text(void **state)
{
    struct world *w = *state;
    start(w);
    begin_kind(w, 0, IR_PART_TEXT);
    delta(w, 0, "");
    delta(w, 0, "Hi");
    end(w, 0);
    finish(w, IR_FINISH_STOP);
    assert_string_equal(lines(w), START TEXT("0", "Hi") END("end_turn"));
    want_whole(w, "[{\"type\":\"text\",\"text\":\"Hi\"}]", "end_turn");
    /* The bytes, once: each event is a frame of its own. */
    restart(w, DIALECT_CHAT);
    start(w);
    buf_clear(&w->stream);
    begin_kind(w, 0, IR_PART_TEXT);
    assert_int_equal(w->stream.n, 0);
    delta(w, 0, "a\xe2\x80\xa8\"");
    assert_string_equal(buf_c(&w->stream),
                        "event: content_block_start\ndata: {\"type\":\"content_block_start\","
                        "\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
                        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
                        "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
                        "\"a\\u2028\\\"\"}}\n\n");
}

static void test_empty_parts_leave_no_blocks(void **state)
{
    struct world *w = *state;
    start(w);
    begin_kind(w, 0, IR_PART_REASONING);
    end(w, 0);
    begin_kind(w, 1, IR_PART_TEXT);
    end(w, 1);
    begin_kind(w, 2, IR_PART_IMAGE);
    end(w, 2);
    finish(w, IR_FINISH_LENGTH);
    assert_string_equal(lines(w), START END("max_tokens"));
    want_whole(w, "[]", "max_tokens");
}

static void test_other_choices_are_not_told(void **state)
{
    struct world *w = *state;
    struct ir_part p = {.kind = IR_PART_TEXT};
    start(w);
    begin_kind(w, 0, IR_PART_TEXT);
    emit(w, (struct ir_event){.kind = IR_EV_PART_BEGIN, .choice = 1, .part = &p});
    emit(w, (struct ir_event){.kind = IR_EV_DELTA, .choice = 1, .text = S("no")});
    delta(w, 0, "yes");
    emit(w, (struct ir_event){.kind = IR_EV_FINISH, .choice = 1});
    end(w, 0);
    finish(w, IR_FINISH_STOP);
    assert_string_equal(lines(w), START TEXT("0", "yes") END("end_turn"));
}

/* ---- calls ---- */

static void test_calls_side_by_side(void **state)
{
    struct world *w = *state;
    start(w);
    begin_call(w, 0, "call_1", "a");
    begin_call(w, 1, "call_2", "b");
    delta(w, 1, "{\"x\":");
    delta(w, 0, "{}");
    begin_call(w, 2, "call_3", "c");
    delta(w, 1, "1}");
    end(w, 2);
    end(w, 0);
    delta(w, 0, "late"); /* for a block that is over: nowhere to go */
    end(w, 1);
    finish(w, IR_FINISH_CALLS);
    assert_string_equal(lines(w), START CALL("0", "call_1", "a") ARGS("0", "{}") STOP("0")
                                      CALL("1", "call_2", "b") ARGS("1", "{\\\"x\\\":1}") STOP("1")
                                          CALL("2", "call_3", "c") STOP("2") END("tool_use"));
    want_whole(w,
               "[{\"type\":\"tool_use\",\"id\":\"call_1\",\"name\":\"a\",\"input\":{}},"
               "{\"type\":\"tool_use\",\"id\":\"call_2\",\"name\":\"b\",\"input\":{\"x\":1}},"
               "{\"type\":\"tool_use\",\"id\":\"call_3\",\"name\":\"c\",\"input\":{}}]",
               "tool_use");
}

/* The next call goes on piece by piece once its turn has come. */
static void test_held_call_goes_on(void **state)
{
    struct world *w = *state;
    start(w);
    begin_call(w, 0, "call_1", "a");
    begin_call(w, 1, "call_2", "b");
    delta(w, 1, "{");
    end(w, 0);
    delta(w, 1, "}");
    end(w, 1);
    finish(w, IR_FINISH_CALLS);
    assert_string_equal(lines(w), START CALL("0", "call_1", "a") STOP("0") CALL("1", "call_2", "b")
                                      ARGS("1", "{") ARGS("1", "}") STOP("1") END("tool_use"));
}

/* A reader should end its calls before it begins a text; if not, the stream is in order still. */
static void test_text_ends_calls(void **state)
{
    struct world *w = *state;
    start(w);
    begin_call(w, 0, "call_1", "a");
    begin_call(w, 1, "call_2", "b");
    delta(w, 1, "{}");
    begin_kind(w, 2, IR_PART_TEXT);
    delta(w, 2, "so");
    delta(w, 0, "lost");
    finish(w, IR_FINISH_STOP); /* a call was made, whatever the provider says */
    assert_string_equal(lines(w), START CALL("0", "call_1", "a") STOP("0") CALL("1", "call_2", "b")
                                      ARGS("1", "{}") STOP("1") TEXT("2", "so") END("tool_use"));
}

static void test_ids(void **state)
{
    struct world *w = *state;
    start(w);
    begin_call(w, 0, "functions.f:0", "f");
    end(w, 0);
    begin_call(w, 1, "", "g");
    end(w, 1);
    finish(w, IR_FINISH_CALLS);
    assert_string_equal(lines(w), START CALL("0", "functions_f_0", "f") STOP("0")
                                      CALL("1", "toolu_abcdefghijklmnopqrstuvwx0", "g") STOP("1")
                                          END("tool_use"));
}

static void test_custom_call(void **state)
{
    struct world *w = *state;
    start(w);
    begin(w, 0,
          (struct ir_part){
              .kind = IR_PART_CALL, .id = S("c"), .name = S("f"), .call = IR_CALL_CUSTOM});
    delta(w, 0, "say \"x\"");
    delta(w, 0, "\n");
    end(w, 0);
    finish(w, IR_FINISH_CALLS);
    assert_string_equal(lines(w), START CALL("0", "c", "f") ARGS("0", "{\\\"input\\\":\\\"")
                                      ARGS("0", "say \\\\\\\"x\\\\\\\"") ARGS("0", "\\\\n")
                                          ARGS("0", "\\\"}") STOP("0") END("tool_use"));
    want_whole(w,
               "[{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{\"input\":\"say "
               "\\\"x\\\"\\n\"}}]",
               "tool_use");
}

static void test_no_call_is_no_tool_use(void **state)
{
    struct world *w = *state;
    start(w);
    finish(w, IR_FINISH_CALLS);
    assert_string_equal(lines(w), START END("end_turn"));
}

/* Arguments that are no object: the stream has told them as they came, the whole answer says {}. */
static void test_broken_arguments(void **state)
{
    struct world *w = *state;
    start(w);
    begin_call(w, 0, "c", "f");
    delta(w, 0, "[1");
    end(w, 0);
    finish(w, IR_FINISH_LENGTH);
    assert_string_equal(lines(w),
                        START CALL("0", "c", "f") ARGS("0", "[1") STOP("0") END("max_tokens"));
    want_whole(w, "[{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{}}]",
               "max_tokens");
}

/* ---- reasoning ---- */

static void test_signature_goes_before_the_end(void **state)
{
    struct world *w = *state;
    struct ir_seal seal = {.value = S("xyz"), .id = S("rs_1"), .issuer = DIALECT_RESPONSES};
    struct ir_part sealed = {.kind = IR_PART_REASONING, .seal = seal};
    str packed = ir_seal_pack(&seal, DIALECT_ANTHROPIC, &w->arena);
    restart(w, DIALECT_RESPONSES);
    start(w);
    begin_kind(w, 0, IR_PART_REASONING);
    emit(w, (struct ir_event){.kind = IR_EV_SEAL, .index = 0, .part = &sealed});
    delta(w, 0, "hm");
    end(w, 0);
    begin(w, 1, sealed); /* nothing to read, but something to send back */
    end(w, 1);
    sealed.redacted = true;
    begin(w, 2, sealed);
    end(w, 2);
    finish(w, IR_FINISH_STOP);
    str wanted = arena_printf(
        &w->arena,
        START "content_block_start 0 {\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}\n"
              "content_block_delta 0 {\"type\":\"thinking_delta\",\"thinking\":\"hm\"}\n"
              "content_block_delta 0 {\"type\":\"signature_delta\",\"signature\":\"%.*s\"}\n"
              "content_block_stop 0\n"
              "content_block_start 1 {\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}\n"
              "content_block_delta 1 {\"type\":\"signature_delta\",\"signature\":\"%.*s\"}\n"
              "content_block_stop 1\n"
              "content_block_start 2 {\"type\":\"redacted_thinking\",\"data\":\"%.*s\"}\n"
              "content_block_stop 2\n" END("end_turn"),
        STR_FMT(packed), STR_FMT(packed), STR_FMT(packed));
    assert_string_equal(lines(w), wanted.p);
    str content = arena_printf(&w->arena,
                               "[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":"
                               "\"%.*s\"},{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":"
                               "\"%.*s\"},{\"type\":\"redacted_thinking\",\"data\":\"%.*s\"}]",
                               STR_FMT(packed), STR_FMT(packed), STR_FMT(packed));
    want_whole(w, content.p, "end_turn");
}

/* What nobody signed says so itself, and is as good as unsigned when it comes back. */
static void test_unsigned_thinking(void **state)
{
    struct world *w = *state;
    struct ir_request rq;
    start(w);
    begin_kind(w, 0, IR_PART_REASONING);
    delta(w, 0, "hm");
    end(w, 0);
    begin_kind(w, 1, IR_PART_REASONING); /* without a word */
    end(w, 1);
    finish(w, IR_FINISH_STOP);
#define THOUGHT "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"" IR_SEAL_MARK "\"}"
    assert_string_equal(
        lines(w),
        START "content_block_start 0 {\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}\n"
              "content_block_delta 0 {\"type\":\"thinking_delta\",\"thinking\":\"hm\"}\n"
              "content_block_delta 0 {\"type\":\"signature_delta\",\"signature\":\"" IR_SEAL_MARK
              "\"}\ncontent_block_stop 0\n" END("end_turn"));
    want_whole(w, "[" THOUGHT "]", "end_turn");
    str body = S("{\"messages\":[{\"role\":\"assistant\",\"content\":[" THOUGHT "]}]}");
    assert_int_equal(codec_read_request(&codec_anthropic, body, &w->arena, &rq, &w->fail), OK);
    assert_true(str_eq(rq.messages->parts.first->text, S("hm")));
    assert_int_equal(rq.messages->parts.first->seal.value.n, 0);
    /* A provider of this dialect that signs nothing is passed on as it is. */
    restart(w, DIALECT_ANTHROPIC);
    start(w);
    begin_kind(w, 0, IR_PART_REASONING);
    end(w, 0);
    finish(w, IR_FINISH_STOP);
    want_whole(w, "[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}]", "native");
}

/* ---- what else a part can carry ---- */

static void test_citations(void **state)
{
    struct world *w = *state;
    struct ir_citation page = {.url = S("https://a"), .quote = S("q")}, file = {.file_id = S("f")};
    start(w);
    begin_kind(w, 0, IR_PART_TEXT);
    delta(w, 0, "x");
    emit(w, (struct ir_event){.kind = IR_EV_CITATION, .index = 0, .citation = &page});
    emit(w, (struct ir_event){.kind = IR_EV_CITATION, .index = 0, .citation = &file});
    end(w, 0);
    finish(w, IR_FINISH_STOP);
#define PAGE                                                                               \
    "{\"type\":\"web_search_result_location\",\"cited_text\":\"q\",\"url\":\"https://a\"," \
    "\"title\":\"https://a\",\"encrypted_index\":\"" IR_SEAL_MARK "\"}"
    assert_string_equal(lines(w), START
                        "content_block_start 0 {\"type\":\"text\",\"text\":\"\"}\n"
                        "content_block_delta 0 {\"type\":\"text_delta\",\"text\":\"x\"}\n"
                        "content_block_delta 0 {\"type\":\"citations_delta\",\"citation\":" PAGE
                        "}\n"
                        "content_block_stop 0\n" END("end_turn"));
    want_whole(w, "[{\"type\":\"text\",\"text\":\"x\",\"citations\":[" PAGE "]}]", "end_turn");
}

static void test_refusal(void **state)
{
    struct world *w = *state;
    start(w);
    begin_kind(w, 0, IR_PART_REFUSAL);
    delta(w, 0, "No.");
    end(w, 0);
    finish(w, IR_FINISH_STOP);
    assert_string_equal(lines(w), START TEXT("0", "No.") END("refusal"));
    want_whole(w, "[{\"type\":\"text\",\"text\":\"No.\"}]", "refusal");
}

static void test_hosted_tools(void **state)
{
    struct world *w = *state;
    struct ir_citation page = {.url = S("https://a"), .title = S("A")};
    struct ir_part output = {.kind = IR_PART_TEXT, .text = S("2")};
    start(w);
    begin(w, 0,
          (struct ir_part){.kind = IR_PART_SEARCH,
                           .id = S("ws-1"),
                           .name = S("web_search"),
                           .text = S("q"),
                           .citations = &page});
    end(w, 0);
    begin(w, 1, (struct ir_part){.kind = IR_PART_CODE, .text = S("1+1"), .content = &output});
    end(w, 1);
    finish(w, IR_FINISH_STOP);
#define RESULTS                                                                                   \
    "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"" HOSTED "\",\"content\":[{\"type\":" \
    "\"web_search_result\",\"url\":\"https://a\",\"title\":\"A\",\"encrypted_content\":\"\","     \
    "\"page_age\":null}]}"
#define HOSTED  "srvtoolu_" IR_SEAL_MARK "_ws_1"
#define MADE_UP "srvtoolu_" IR_SEAL_MARK "_x_abcdefghijklmnopqrstuvwx0"
#define OUTPUT                                                                               \
    "{\"type\":\"code_execution_tool_result\",\"tool_use_id\":\"" MADE_UP "\",\"content\":{" \
    "\"type\":\"code_execution_result\",\"stdout\":\"2\",\"stderr\":\"\",\"return_code\":0," \
    "\"content\":[]}}"
    assert_string_equal(
        lines(w), START
        "content_block_start 0 {\"type\":\"server_tool_use\",\"id\":\"" HOSTED "\",\"name\":"
        "\"web_search\",\"input\":{}}\n" ARGS("0", "{\\\"query\\\":\\\"q\\\"}")
            STOP("0") "content_block_start 1 " RESULTS "\n" STOP(
                "1") "content_block_start 2 {\"type\":\"server_tool_use\",\"id\":\"" MADE_UP
                     "\",\"name\":\"code_execution\",\"input\":{}}\n" ARGS(
                         "2", "{\\\"code\\\":\\\"1+1\\\"}")
                         STOP("2") "content_block_start 3 " OUTPUT "\n" STOP("3")
                             END_WITH("end_turn", ",\"server_tool_use\":{\"web_search_requests\":1,"
                                                  "\"web_fetch_requests\":0}"));
    want_whole(w,
               "[{\"type\":\"server_tool_use\",\"id\":\"" HOSTED
               "\",\"name\":\"web_search\",\"input\":{"
               "\"query\":\"q\"}}," RESULTS ",{\"type\":\"server_tool_use\",\"id\":\"" MADE_UP
               "\",\"name\":\"code_execution\",\"input\":{\"code\":\"1+1\"}}," OUTPUT "]",
               "end_turn");
}

/* Only its own dialect may look at what a raw part holds. */
static void test_raw_parts_of_others(void **state)
{
    struct world *w = *state;
    yyjson_val *src;
    assert_int_equal(json_read(S("{\"type\":\"mcp_call\"}"), &w->arena, &src, NULL), OK);
    start(w);
    begin(w, 0, (struct ir_part){.kind = IR_PART_RAW, .src = src});
    end(w, 0);
    finish(w, IR_FINISH_STOP);
    assert_string_equal(lines(w), START END("end_turn"));
    want_whole(w, "[]", "end_turn");
}

/* ---- ends ---- */

static void test_finishes(void **state)
{
    static const struct {
        enum ir_finish finish;
        const char *reason;
    } rows[] = {
        {IR_FINISH_UNKNOWN, "end_turn"},       {IR_FINISH_STOP, "end_turn"},
        {IR_FINISH_SEQUENCE, "stop_sequence"}, {IR_FINISH_LENGTH, "max_tokens"},
        {IR_FINISH_CALLS, "end_turn"},         {IR_FINISH_REFUSED, "refusal"},
        {IR_FINISH_FILTERED, "refusal"},       {IR_FINISH_PAUSED, "pause_turn"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        restart(w, DIALECT_CHAT);
        start(w);
        finish(w, rows[i].finish);
        str wanted = arena_printf(&w->arena, "\"stop_reason\":\"%s\"", rows[i].reason);
        assert_non_null(strstr(lines(w), wanted.p));
        want_whole(w, "[]", rows[i].reason);
    }
}

static void test_stop_sequence(void **state)
{
    struct world *w = *state;
    start(w);
    emit(w,
         (struct ir_event){.kind = IR_EV_FINISH, .finish = IR_FINISH_SEQUENCE, .stop = S("END")});
    emit(w, (struct ir_event){.kind = IR_EV_END});
    assert_non_null(
        strstr(lines(w), "{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"END\"}"));
}

static void test_errors(void **state)
{
    static const struct {
        struct ir_error error;
        const char *type;
    } rows[] = {
        {{.status = 429, .message = S("m")}, "rate_limit_error"},
        {{.status = 503, .message = S("m")}, "api_error"},
        {{.status = 418, .message = S("m")}, "invalid_request_error"},
        {{.status = 502, .type = S("overloaded_error"), .message = S("m")}, "overloaded_error"},
        {{.status = 529, .type = S("server_error"), .message = S("m")}, "overloaded_error"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        restart(w, DIALECT_CHAT);
        start(w);
        begin_kind(w, 0, IR_PART_TEXT);
        delta(w, 0, "x");
        emit(w, (struct ir_event){.kind = IR_EV_ERROR, .error = &rows[i].error});
        delta(w, 0, "y");
        finish(w, IR_FINISH_STOP);
        str wanted =
            arena_printf(&w->arena, "error {\"type\":\"%s\",\"message\":\"m\"}\n", rows[i].type);
        assert_true(str_ends(str_c(lines(w)), wanted));
    }
}

/* ---- reading ---- */

static void want_log(struct world *w, const char *stream, enum err wanted, const char *log)
{
    struct ir_printer p;
    struct buf out;
    buf_init(&out, OUT_MAX);
    ir_printer_init(&p, &out);
    enum err e = translate_stream(&codec_anthropic, str_c(stream), UNCUT, &w->arena,
                                  ir_printer_take, &p, NULL, &w->fail);
    ir_printer_fini(&p);
    assert_int_equal(e, wanted);
    assert_string_equal(buf_c(&out), log);
    buf_fini(&out);
}

#define MESSAGE_START                                                                             \
    "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"usage\":{" \
    "\"input_tokens\":3,\"cache_read_input_tokens\":2}}}\n\n"
#define MESSAGE_STOP "data: {\"type\":\"message_stop\"}\n\n"
#define LOG_START    "start id=\"msg_1\" model=\"m\" input=5 cached=2\n"

/* The API sends an empty piece for a call without arguments. */
static void test_no_arguments(void **state)
{
    want_log(*state,
             MESSAGE_START
             "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
             "\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}}\n\n"
             "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
             "\"input_json_delta\",\"partial_json\":\"\"}}\n\n"
             "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n" MESSAGE_STOP,
             OK, LOG_START "part 0.0 call id=\"a\" name=\"f\"\ndelta 0.0 \"{}\"\nover 0.0\nend\n");
}

static void test_input_with_the_start(void **state)
{
    want_log(*state,
             MESSAGE_START
             "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
             "\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{\"x\":1}}}\n\n"
             "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
             "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
             "\"usage\":{\"output_tokens\":7}}\n\n" MESSAGE_STOP,
             OK,
             LOG_START "part 0.0 call id=\"a\" name=\"f\"\ndelta 0.0 \"{\\\"x\\\":1}\"\nover 0.0\n"
                       "finish 0 calls native=\"end_turn\"\n"
                       "usage input=5 output=7 cached=2\nend\n");
}

/* What a block became is what its raw part holds. */
static void test_raw_blocks(void **state)
{
    want_log(*state,
             MESSAGE_START
             "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
             "\"compaction\",\"content\":null}}\n\n"
             "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
             "\"compaction_delta\",\"content\":\"short\"}}\n\n"
             "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
             "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":"
             "\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}}\n\n"
             "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
             "\"input_json_delta\",\"partial_json\":\"{\\\"query\\\": \"}}\n\n"
             "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
             "\"input_json_delta\",\"partial_json\":\"\\\"q\\\"}\"}}\n\n"
             "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
             "data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":"
             "\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[{\"type\":"
             "\"web_search_result\",\"url\":\"https://a\",\"title\":\"A\"}]}}\n\n"
             "data: {\"type\":\"content_block_stop\",\"index\":2}\n\n" MESSAGE_STOP,
             OK,
             LOG_START
             "part 0.0 raw src={\"content\":\"short\",\"type\":\"compaction\"}\nover 0.0\n"
             "part 0.1 raw src={\"id\":\"s\",\"input\":{\"query\":\"q\"},\"name\":"
             "\"web_search\",\"type\":\"server_tool_use\"}\nover 0.1\n"
             "part 0.2 search id=\"s\" name=\"web_search\" \"q\"\n"
             "  cites url=\"https://a\" title=\"A\"\nover 0.2\nend\n");
}

static void test_sloppy_streams(void **state)
{
    /* Blocks that do not stop, deltas for none, events nobody knows, and a finish said twice. */
    want_log(
        *state,
        ": hello\n\n" MESSAGE_START MESSAGE_START "event: ping\ndata: {\"type\":\"ping\"}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":4,\"delta\":{\"type\":"
        "\"text_delta\",\"text\":\"?\"}}\n\n"
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
        "\"text\",\"text\":\"a\"}}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
        "\"text_delta\",\"text\":\"b\"}}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
        "\"new_delta\",\"x\":\"b\"}}\n\n"
        "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":"
        "\"thinking\",\"thinking\":\"\"}}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
        "\"signature_delta\",\"signature\":\"s\"}}\n\n"
        "data: {\"type\":\"tomorrow\"}\n\n"
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null}}\n\n"
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"new\"}}\n\n"
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n" MESSAGE_STOP
            MESSAGE_STOP,
        OK,
        LOG_START "part 0.0 text\ndelta 0.0 \"ab\"\nover 0.0\n"
                  "part 0.1 reasoning\nseal 0.1 seal=anthropic value=\"s\"\nover 0.1\n"
                  "finish 0 unknown native=\"new\"\nend\n");
}

static void test_no_start(void **state)
{
    want_log(*state,
             "event: content_block_start\ndata: {\"index\":0,\"content_block\":{\"type\":\"text\","
             "\"text\":\"a\"}}\n\n" MESSAGE_STOP,
             OK, "start\npart 0.0 text\ndelta 0.0 \"a\"\nover 0.0\nend\n");
}

static void test_error_events(void **state)
{
    want_log(*state,
             MESSAGE_START
             "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
             "\"message\":\"Overloaded\"}}\n\n" MESSAGE_STOP,
             OK, LOG_START "error status=529 type=\"overloaded_error\" \"Overloaded\"\n");
    want_log(*state, MESSAGE_START, ERR_UP_CUT, LOG_START);
    want_log(*state, "", ERR_UP_CUT, "");
}

static void test_refusal_with_words(void **state)
{
    want_log(*state,
             MESSAGE_START
             "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\","
             "\"stop_details\":{\"type\":\"refusal\",\"explanation\":\"No.\"}}}\n\n" MESSAGE_STOP,
             OK,
             LOG_START "part 0.0 refusal\ndelta 0.0 \"No.\"\nover 0.0\n"
                       "finish 0 refused native=\"refusal\"\nend\n");
}

/* A hosted call whose input is too long to be kept is an error, not a crash or a silence. */
static void test_endless_input(void **state)
{
    struct world *w = *state;
    struct buf s;
    struct ir_printer p;
    buf_init(&s, OUT_MAX);
    buf_lit(&s, MESSAGE_START "data: {\"type\":\"content_block_start\",\"index\":0,"
                              "\"content_block\":{\"type\":\"server_tool_use\",\"id\":\"a\","
                              "\"name\":\"x\",\"input\":{}}}\n\n");
    for (int i = 0; i < 9; i++) {
        buf_lit(&s, "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                    "\"input_json_delta\",\"partial_json\":\"");
        for (int k = 0; k < 1 << 15; k++)
            buf_lit(&s, "0123456789abcdef");
        buf_lit(&s, "\"}}\n\n");
    }
    buf_clear(&w->lines);
    ir_printer_init(&p, &w->lines);
    assert_int_equal(translate_stream(&codec_anthropic, buf_str(&s), UNCUT, &w->arena,
                                      ir_printer_take, &p, NULL, &w->fail),
                     ERR_UP_TOO_LARGE);
    ir_printer_fini(&p);
    buf_fini(&s);
}

static void test_whole_answers_that_are_none(void **state)
{
    struct world *w = *state;
    struct buf log;
    struct ir_printer p;
    static const char *const bodies[] = {"{}", "[]", "3", "{\"content\":{}}", "{\"content\":null}"};
    buf_init(&log, OUT_MAX);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        buf_clear(&log);
        ir_printer_init(&p, &log);
        assert_int_equal(translate_whole(&codec_anthropic, str_c(bodies[i]), &w->arena,
                                         ir_printer_take, &p, &w->fail),
                         ERR_UP_PROTOCOL);
        ir_printer_fini(&p);
        assert_int_equal(log.n, 0);
    }
    /* Odd blocks within are passed over, or raw. */
    ir_printer_init(&p, &log);
    assert_int_equal(
        translate_whole(&codec_anthropic,
                        S("{\"content\":[3,null,{},{\"type\":\"text\"},{\"type\":\"tool_use\","
                          "\"input\":[]},{\"type\":\"web_search_tool_result\",\"tool_use_id\":3}],"
                          "\"usage\":[],\"stop_reason\":3}"),
                        &w->arena, ir_printer_take, &p, &w->fail),
        OK);
    ir_printer_fini(&p);
    assert_true(str_ends(buf_str(&log), S("\nend\n")));
    buf_fini(&log);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_text),
        T(test_empty_parts_leave_no_blocks),
        T(test_other_choices_are_not_told),
        T(test_calls_side_by_side),
        T(test_held_call_goes_on),
        T(test_text_ends_calls),
        T(test_ids),
        T(test_custom_call),
        T(test_no_call_is_no_tool_use),
        T(test_broken_arguments),
        T(test_signature_goes_before_the_end),
        T(test_citations),
        T(test_refusal),
        T(test_hosted_tools),
        T(test_raw_parts_of_others),
        T(test_finishes),
        T(test_stop_sequence),
        T(test_errors),
        T(test_unsigned_thinking),
        T(test_no_arguments),
        T(test_input_with_the_start),
        T(test_raw_blocks),
        T(test_sloppy_streams),
        T(test_no_start),
        T(test_error_events),
        T(test_refusal_with_words),
        T(test_endless_input),
        T(test_whole_answers_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
