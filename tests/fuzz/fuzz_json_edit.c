/*
 * json/edit.h: any series of edits gives a text that parses to what the same series gives when
 * done by yyjson. Input: up to eight operations of two bytes, ended by a zero byte, then the text.
 */
#include <stdint.h>
#include <stdlib.h>

#include <yyjson.h>

#include "base/must.h"
#include "json/edit.h"

static const char *const keys[] = {"a", "b", "c", "d"};
static const char *const values[] = {"1", "\"x\"", "{\"a\":{},\"d\":[1]}", "[{\"a\":1}]"};

struct both {
    struct json_edit edit;
    struct json_span root;
    yyjson_mut_doc *model;
};

static yyjson_mut_val *model_value(struct both *b, const char *text)
{
    yyjson_doc *d = yyjson_read(text, strlen(text), 0);
    yyjson_mut_val *v = yyjson_val_mut_copy(b->model, yyjson_doc_get_root(d));
    yyjson_doc_free(d);
    return v;
}

static void model_set(struct both *b, const char *const *path, size_t n, const char *value)
{
    yyjson_mut_val *obj = yyjson_mut_doc_get_root(b->model);
    for (size_t i = 0; i + 1 < n; i++) {
        yyjson_mut_val *next = yyjson_mut_obj_get(obj, path[i]);
        if (!yyjson_mut_is_obj(next)) {
            next = yyjson_mut_obj(b->model);
            yyjson_mut_obj_put(obj, yyjson_mut_str(b->model, path[i]), next);
        }
        obj = next;
    }
    yyjson_mut_obj_put(obj, yyjson_mut_str(b->model, path[n - 1]), model_value(b, value));
}

/* False: the edit refused (a key twice on the way); the model is then of no use any more. */
static bool both_set(struct both *b, unsigned op, const char *value)
{
    const char *path[3];
    str steps[3];
    size_t n = op % 3 + 1;
    for (size_t i = 0; i < n; i++) {
        path[i] = keys[op >> (2 * i + 2) & 3];
        steps[i] = str_c(path[i]);
    }
    if (json_edit_set(&b->edit, b->root, steps, n, str_c(value), NULL) != OK)
        return false;
    model_set(b, path, n, value);
    return true;
}

static bool both_change(struct both *b, bool remove, const char *key, const char *value)
{
    struct json_span m;
    str k = str_c(key);
    if (json_scan_members(b->edit.doc, b->root, &k, &m, 1, NULL) != OK)
        return false;
    if (m.kind == JSON_ABSENT)
        return true;
    yyjson_mut_val *root = yyjson_mut_doc_get_root(b->model);
    if (remove) {
        json_edit_remove(&b->edit, m);
        yyjson_mut_obj_remove_key(root, key);
    } else {
        json_edit_replace(&b->edit, m.at, m.n, str_c(value));
        yyjson_mut_obj_put(root, yyjson_mut_str(b->model, key), model_value(b, value));
    }
    return !b->edit.failed;
}

static void compare(struct both *b)
{
    struct iovec pieces[JSON_PIECES_MAX];
    size_t length = json_edit_length(&b->edit), at = 0;
    size_t n = json_edit_pieces(&b->edit, pieces);
    must(n <= JSON_PIECES_MAX);
    char *text = malloc(length + 1);
    for (size_t i = 0; i < n; i++) {
        must(pieces[i].iov_len && pieces[i].iov_len <= length - at);
        memcpy(text + at, pieces[i].iov_base, pieces[i].iov_len);
        at += pieces[i].iov_len;
    }
    must(at == length);
    yyjson_doc *got = yyjson_read(text, at, 0);
    must(got);
    yyjson_mut_doc *mut = yyjson_doc_mut_copy(got, NULL);
    must(yyjson_mut_equals(yyjson_mut_doc_get_root(mut), yyjson_mut_doc_get_root(b->model)));
    yyjson_mut_doc_free(mut);
    yyjson_doc_free(got);
    free(text);
}

/* yyjson may find objects with a key twice unequal to themselves: nothing to compare then. */
static bool has_twin_keys(yyjson_val *v)
{
    size_t i, max;
    yyjson_val *k, *item;
    yyjson_arr_foreach (v, i, max, item) {
        if (has_twin_keys(item))
            return true;
    }
    yyjson_obj_foreach (v, i, max, k, item) {
        if (yyjson_obj_getn(v, yyjson_get_str(k), yyjson_get_len(k)) != item || has_twin_keys(item))
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t ops = 0;
    while (ops < 16 && ops + 1 < size && data[ops])
        ops += 2;
    if (ops >= size)
        return 0;
    struct arena arena;
    struct both b = {0};
    str doc = str_of((const char *)data + ops + 1, size - ops - 1);
    if (json_scan_object(doc, NULL, NULL, 0, 512, NULL) != OK)
        return 0;
    yyjson_doc *d = yyjson_read((char *)(uintptr_t)doc.p, doc.n, 0);
    must(d);
    b.model = yyjson_doc_mut_copy(d, NULL);
    b.root = (struct json_span){.kind = JSON_OBJECT};
    while (doc.p[b.root.at] != '{')
        b.root.at++;
    b.root.n = doc.n - b.root.at;
    while (ascii_space(doc.p[b.root.at + b.root.n - 1]))
        b.root.n--;
    arena_init(&arena);
    json_edit_init(&b.edit, doc, &arena);
    bool ok = !has_twin_keys(yyjson_doc_get_root(d));
    for (size_t i = 0; i < ops && ok; i += 2) {
        const char *value = values[data[i] >> 2 & 3];
        if ((data[i] & 3) < 2)
            ok = both_set(&b, data[i + 1], value);
        else
            ok = both_change(&b, data[i] & 1, keys[data[i + 1] & 3], value);
    }
    if (ok)
        compare(&b);
    arena_fini(&arena);
    yyjson_mut_doc_free(b.model);
    yyjson_doc_free(d);
    return 0;
}
