#include "support/written.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ir/turns.h"
#include "support/document.h"

enum { OUT_MAX = 1 << 24 };

int world_setup(void **state)
{
    static struct world w;
    w = (struct world){.lost = {.n = 0}};
    arena_init(&w.arena);
    buf_init(&w.out, OUT_MAX);
    *state = &w;
    return 0;
}

int world_teardown(void **state)
{
    struct world *w = *state;
    arena_fini(&w->arena);
    buf_fini(&w->out);
    return 0;
}

yyjson_val *json(struct world *w, const char *text)
{
    yyjson_val *v;
    assert_int_equal(json_read(str_dup(&w->arena, str_c(text)), &w->arena, &v, NULL), OK);
    return v;
}

/* ---- a request of another dialect ---- */

struct ir_message *say(struct ir_request *rq, enum ir_role role, const char *text)
{
    struct ir_message *m = ir_message_add(rq, role);
    if (text)
        ir_part_add(rq, m, IR_PART_TEXT)->text = str_c(text);
    return m;
}

void begin(struct world *w, struct ir_request *rq)
{
    ir_request_init(rq, &w->arena, DIALECT_CHAT);
    say(rq, IR_USER, "hi");
}

enum err write_to(struct world *w, struct ir_request *rq, struct ir_target to)
{
    if (!to.model.n)
        to.model = S("claude-sonnet-4-5");
    to.lost = &w->lost;
    ir_turns_fit(rq, codec_anthropic.turns);
    buf_clear(&w->out);
    w->lost = (struct ir_losses){.n = 0};
    return codec_anthropic.request_write(rq, &to, &w->out, &w->fail);
}

yyjson_val *written_for(struct world *w, struct ir_request *rq, struct ir_target to)
{
    yyjson_val *v;
    if (write_to(w, rq, to))
        fail_msg("%s", fail_text(&w->fail));
    str text = str_dup(&w->arena, buf_str(&w->out));
    if (json_read(text, &w->arena, &v, &w->fail))
        fail_msg("%s: %.*s", fail_text(&w->fail), STR_FMT(text));
    return v;
}

yyjson_val *written(struct world *w, struct ir_request *rq)
{
    return written_for(w, rq, (struct ir_target){.stream = false});
}

void want(struct world *w, const char *text)
{
    struct fail why = {.code = OK};
    if (!document_same(str_c(text), buf_str(&w->out), NULL, &why))
        fail_msg("%s\n%.*s", why.text, STR_FMT(buf_str(&w->out)));
}

void want_member(struct world *w, yyjson_val *root, const char *member, const char *text)
{
    struct fail why = {.code = OK};
    yyjson_val *v = jv_get(root, member);
    if (!text) {
        if (v)
            fail_msg("%s is there: %.*s", member, STR_FMT(json_text_of(v, &w->arena)));
        return;
    }
    if (!document_same(str_c(text), json_text_of(v, &w->arena), NULL, &why))
        fail_msg("%s: %s", member, why.text);
}

static str name_of(enum ir_feature f)
{
    return ir_feature_name(f, codec_chat.fates);
}

bool lost_feature(const struct world *w, enum ir_feature f)
{
    for (size_t i = 0; i < w->lost.n; i++) {
        if (str_eq(w->lost.names[i], name_of(f)))
            return true;
    }
    return false;
}

struct ir_tool *add_tool(struct world *w, struct ir_request *rq, enum ir_tool_kind kind,
                         const char *name)
{
    struct ir_tool *t = ir_tool_add(rq, kind);
    t->name = str_c(name);
    if (kind == IR_TOOL_FUNCTION)
        t->schema = json(w, "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},"
                            "\"required\":[\"a\"],\"additionalProperties\":false}");
    return t;
}

struct ir_part *add_media(struct world *w, struct ir_request *rq, enum ir_part_kind kind,
                          struct ir_media m)
{
    struct ir_part *p = ir_part_add(rq, rq->messages, kind);
    p->media = arena_new(&w->arena, struct ir_media);
    *p->media = m;
    return p;
}

struct ir_part *add_call(struct ir_request *rq)
{
    struct ir_message *m = say(rq, IR_ASSISTANT, NULL);
    struct ir_part *p = ir_part_add(rq, m, IR_PART_CALL);
    p->id = S("call_1");
    p->name = S("f");
    p->text = S("{\"a\":\"b\"}");
    return p;
}

struct ir_part *add_result(struct ir_request *rq)
{
    struct ir_part *p = ir_part_add(rq, say(rq, IR_TOOL, NULL), IR_PART_RESULT);
    p->id = S("call_1");
    return p;
}

void choose(struct world *w, struct ir_request *rq, enum ir_choice_kind kind)
{
    add_tool(w, rq, IR_TOOL_FUNCTION, "f");
    add_tool(w, rq, IR_TOOL_FUNCTION, "g");
    rq->choice.kind = kind;
    rq->choice.names = arena_array(&w->arena, str, 1);
    rq->choice.names[rq->choice.n_names++] = S("g");
}
