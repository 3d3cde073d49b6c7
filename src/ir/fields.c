#include "ir/fields.h"

#include "json/read.h"

static void *place(struct ir_request *rq, const struct ir_field *row)
{
    return (char *)rq + row->at;
}

static const void *place_of(const struct ir_request *rq, const struct ir_field *row)
{
    return (const char *)rq + row->at;
}

static enum err not_a(const char *path, const char *key, const char *what, yyjson_val *v,
                      struct fail *f)
{
    return fail_set(f, ERR_BAD_REQUEST, "\"%s%s\" must be %s, it is %s", path, key, what,
                    jv_kind(v));
}

static enum err read_row(const struct ir_field *row, struct ir_request *rq, yyjson_val *v,
                         const char *path, struct fail *f)
{
    if (row->feature != CAN_COUNT)
        ir_say(rq, row->feature);
    switch (row->kind) {
    case FIELD_NUMBER:
        if (!yyjson_is_raw(v))
            return not_a(path, row->key, "a number", v, f);
        *(str *)place(rq, row) = jv_num(v);
        return OK;
    case FIELD_STRING:
        if (!yyjson_is_str(v))
            return not_a(path, row->key, "a string", v, f);
        *(str *)place(rq, row) = jv_str(v);
        return OK;
    case FIELD_BOOLEAN:
        if (!yyjson_is_bool(v))
            return not_a(path, row->key, "true or false", v, f);
        *(enum ir_tri *)place(rq, row) = yyjson_get_bool(v) ? IR_YES : IR_NO;
        return OK;
    case FIELD_TREE: *(yyjson_val **)place(rq, row) = v; return OK;
    case FIELD_HOOK: break;
    }
    return row->read ? row->read(rq, v, f) : OK;
}

static bool upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

bool ir_key_is(str key, const char *name)
{
    size_t i = 0;
    for (; *name; name++) {
        if (i < key.n && key.p[i] == *name)
            i++;
        else if (upper(*name) && key.n - i >= 2 && key.p[i] == '_' &&
                 key.p[i + 1] == ascii_lower(*name))
            i += 2;
        else
            return false;
    }
    return i == key.n;
}

static const struct ir_field *row_of(const struct ir_field *rows, str key)
{
    for (; rows->key; rows++) {
        if (ir_key_is(key, rows->key))
            return rows;
    }
    return NULL;
}

/* key is the snake_case spelling of a row whose own spelling is in obj as well. */
static bool outdone(const struct ir_field *row, str key, yyjson_val *obj)
{
    return !str_eq(key, str_c(row->key)) && jv_get(obj, row->key);
}

static void note_unknown(struct ir_request *rq, const char *path, str key)
{
    str parts[] = {str_c(path), key};
    ir_losses_add(&rq->unknown, path[0] ? str_join(rq->arena, parts, 2) : key);
}

enum err ir_fields_read(const struct ir_field *rows, struct ir_request *rq, yyjson_val *obj,
                        const char *path, struct fail *f)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        const struct ir_field *row = row_of(rows, jv_str(k));
        if (yyjson_is_null(v))
            continue;
        if (!row) {
            note_unknown(rq, path, jv_str(k));
            continue;
        }
        if (outdone(row, jv_str(k), obj))
            continue;
        enum err e = read_row(row, rq, v, path, f);
        if (e)
            return e;
    }
    return OK;
}

/* Whether the row put something. */
static bool write_row(const struct ir_field *row, const struct ir_request *rq,
                      const struct ir_target *to, struct json_writer *w)
{
    const void *at = place_of(rq, row);
    size_t before = w->out->n;
    switch (row->kind) {
    case FIELD_NUMBER:
        if (((const str *)at)->p) {
            jw_key(w, str_c(row->key));
            jw_raw(w, *(const str *)at);
        }
        break;
    case FIELD_STRING:
        if (((const str *)at)->p) {
            jw_key(w, str_c(row->key));
            jw_str(w, *(const str *)at);
        }
        break;
    case FIELD_BOOLEAN:
        if (*(const enum ir_tri *)at != IR_UNSAID) {
            jw_key(w, str_c(row->key));
            jw_bool(w, *(const enum ir_tri *)at == IR_YES);
        }
        break;
    case FIELD_TREE:
        if (*(yyjson_val *const *)at) {
            jw_key(w, str_c(row->key));
            jw_value(w, *(yyjson_val *const *)at);
        }
        break;
    case FIELD_HOOK:
        if (row->write)
            row->write(rq, to, w);
        break;
    }
    return w->out->n > before;
}

enum { ROWS_MAX = 64 };

void ir_fields_write(const struct ir_field *rows, const struct ir_request *rq, enum dialect_id self,
                     yyjson_val *src, const struct ir_target *to, struct json_writer *w)
{
    uint64_t written = 0;
    for (const struct ir_field *row = rows; row->key; row++) {
        must(row - rows < ROWS_MAX);
        if (write_row(row, rq, to, w))
            written |= UINT64_C(1) << (row - rows);
    }
    if (rq->from != self)
        return;
    yyjson_obj_iter it = yyjson_obj_iter_with(src);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        const struct ir_field *row = row_of(rows, jv_str(k));
        bool own = row && row->kind == FIELD_HOOK && !row->write && !row->read;
        if (row && (written >> (row - rows) & 1 || (!own && !yyjson_is_null(v)) ||
                    outdone(row, jv_str(k), src)))
            continue;
        jw_key(w, row ? str_c(row->key) : jv_str(k));
        jw_value(w, v);
    }
}

enum err ir_want_array(yyjson_val *v, const char *name, struct fail *f)
{
    return yyjson_is_arr(v) ? OK : not_a("", name, "an array", v, f);
}

enum err ir_want_object(yyjson_val *v, const char *name, struct fail *f)
{
    return yyjson_is_obj(v) ? OK : not_a("", name, "an object", v, f);
}

enum err ir_want_string(yyjson_val *v, const char *name, struct fail *f)
{
    return yyjson_is_str(v) ? OK : not_a("", name, "a string", v, f);
}
