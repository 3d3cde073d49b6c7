#include "ir/fields.h"
#include "json/read.h"

void ir_request_init(struct ir_request *rq, struct arena *a, enum dialect_id from)
{
    *rq = (struct ir_request){.arena = a, .from = from};
    rq->messages_end = &rq->messages;
    rq->tools_end = &rq->tools;
}

struct ir_message *ir_message_add(struct ir_request *rq, enum ir_role role)
{
    struct ir_message *m = arena_new(rq->arena, struct ir_message);
    m->role = role;
    ir_parts_init(&m->parts);
    *rq->messages_end = m;
    rq->messages_end = &m->next;
    return m;
}

struct ir_tool *ir_tool_add(struct ir_request *rq, enum ir_tool_kind kind)
{
    struct ir_tool *t = arena_new(rq->arena, struct ir_tool);
    t->kind = kind;
    *rq->tools_end = t;
    rq->tools_end = &t->next;
    return t;
}

static bool one_of(str key, const char *const *known)
{
    for (; *known; known++) {
        if (ir_key_is(key, *known))
            return true;
    }
    return false;
}

void ir_unknown(struct ir_request *rq, yyjson_val *obj, const char *const *known, const char *path)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        if (one_of(jv_str(k), known) || yyjson_is_null(yyjson_obj_iter_get_val(k)))
            continue;
        str parts[] = {str_c(path), jv_str(k)};
        ir_losses_add(&rq->unknown, path[0] ? str_join(rq->arena, parts, 2) : jv_str(k));
    }
}

void ir_write_rest(const struct ir_request *rq, enum dialect_id self, yyjson_val *src,
                   const char *const *known, struct json_writer *w)
{
    if (rq->from != self)
        return;
    yyjson_obj_iter it = yyjson_obj_iter_with(src);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        if (one_of(jv_str(k), known))
            continue;
        jw_key(w, jv_str(k));
        jw_value(w, yyjson_obj_iter_get_val(k));
    }
}

bool ir_strings(struct arena *a, yyjson_val *v, str **out, size_t *n)
{
    size_t i, max;
    yyjson_val *e;
    if (!yyjson_is_arr(v))
        return false;
    *out = arena_array(a, str, yyjson_arr_size(v));
    *n = 0;
    yyjson_arr_foreach (v, i, max, e) {
        if (!yyjson_is_str(e))
            return false;
        (*out)[(*n)++] = jv_str(e);
    }
    return true;
}
