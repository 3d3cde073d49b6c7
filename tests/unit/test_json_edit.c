/* json/edit.h: each edit alone and together; the pieces are the text one would write by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <yyjson.h>

#include "json/edit.h"

static struct arena arena;
static struct json_edit edit;
static struct json_span root;

static void begin(const char *doc)
{
    arena_init(&arena);
    json_edit_init(&edit, str_c(doc), &arena);
    root = (struct json_span){.kind = JSON_OBJECT, .at = 0, .n = strlen(doc)};
}

static struct json_span member(const char *key)
{
    struct json_span m;
    str k = str_c(key);
    assert_int_equal(json_scan_members(edit.doc, root, &k, &m, 1, NULL), OK);
    assert_int_not_equal(m.kind, JSON_ABSENT);
    return m;
}

/* set("a.b.c", "1") */
static void set(const char *dotted, const char *value)
{
    str rest = str_c(dotted), path[8];
    size_t n = 0;
    while (rest.p)
        path[n++] = str_split(&rest, '.');
    assert_int_equal(json_edit_set(&edit, root, path, n, str_c(value), NULL), OK);
}

static void drop(const char *key)
{
    json_edit_remove(&edit, member(key));
}

static void put(const char *key, const char *value)
{
    struct json_span m = member(key);
    json_edit_replace(&edit, m.at, m.n, str_c(value));
}

static void gives(const char *want)
{
    struct iovec pieces[JSON_PIECES_MAX];
    size_t length = json_edit_length(&edit), n = json_edit_pieces(&edit, pieces), at = 0;
    char text[2048];
    assert_false(edit.failed);
    for (size_t i = 0; i < n; i++) {
        assert_true(pieces[i].iov_len > 0);
        memcpy(text + at, pieces[i].iov_base, pieces[i].iov_len);
        at += pieces[i].iov_len;
    }
    text[at] = 0;
    assert_string_equal(text, want);
    assert_int_equal(length, at);
    yyjson_doc *doc = yyjson_read(text, at, 0);
    assert_non_null(doc);
    yyjson_doc_free(doc);
    arena_fini(&arena);
}

static void test_replace(void **state)
{
    (void)state;
    begin("{\"model\":\"a\",\"x\":1}");
    json_edit_set_string(&edit, member("model"), S("b\"\n"));
    gives("{\"model\":\"b\\\"\\n\",\"x\":1}");

    begin("{\"model\":\"a\",\"x\":1}");
    put("x", "2");
    put("model", "null");
    put("x", "3"); /* the last one counts */
    gives("{\"model\":null,\"x\":3}");

    begin("{}");
    gives("{}");
}

static void test_remove(void **state)
{
    (void)state;
    begin("{\"a\":1,\"b\":2,\"c\":3}");
    drop("a");
    gives("{\"b\":2,\"c\":3}");

    begin("{\"a\":1,\"b\":2,\"c\":3}");
    drop("b");
    gives("{\"a\":1,\"c\":3}");

    begin("{\"a\":1,\"b\":2,\"c\":3}");
    drop("c");
    gives("{\"a\":1,\"b\":2}");

    begin("{\"a\":1,\"b\":2,\"c\":3}");
    drop("c");
    drop("b");
    gives("{\"a\":1}");

    begin("{\"a\":1,\"b\":2,\"c\":3}");
    drop("a");
    drop("c");
    gives("{\"b\":2}");

    begin("{\"a\":1,\"b\":2,\"c\":3}");
    drop("b");
    drop("a");
    gives("{\"c\":3}");

    begin("{\"a\":1,\"b\":2,\"c\":3}");
    drop("b");
    drop("a");
    drop("c");
    gives("{}");

    begin("{ \"a\" : 1 , \"b\" : 2 }");
    drop("b");
    gives("{ \"a\" : 1  }");
}

static void test_set(void **state)
{
    (void)state;
    begin("{}");
    set("a", "1");
    gives("{\"a\":1}");

    begin("{ }");
    set("a", "1");
    set("b.c", "2");
    set("b.d", "3");
    set("a", "4");
    gives("{\"a\":4,\"b\":{\"c\":2,\"d\":3} }");

    begin("{\"x\":{\"y\":1}}");
    set("x.z.w", "2");
    set("x.y", "3");
    set("n", "[]");
    gives("{\"x\":{\"y\":3,\"z\":{\"w\":2}},\"n\":[]}");

    begin("{\"x\":null}");
    set("x.y", "1"); /* a non-object on the way is replaced */
    set("x.z", "2");
    gives("{\"x\":{\"y\":1,\"z\":2}}");

    begin("{\"x\":{\"y\":1}}");
    set("x.y", "1");
    set("x", "5"); /* what was done inside is forgotten */
    gives("{\"x\":5}");

    begin("{\n  \"x\": 1\n}");
    set("we\"ird", "true");
    gives("{\n  \"x\": 1,\"we\\\"ird\":true\n}");

    begin("{\"mod\\u0065l\":\"a\"}");
    set("model", "\"b\""); /* an escaped spelling is edited in place */
    gives("{\"mod\\u0065l\":\"b\"}");
}

static void test_mixed(void **state)
{
    (void)state;
    begin("{\"a\":1,\"b\":2}");
    drop("b");
    set("c", "3");
    gives("{\"a\":1,\"c\":3}");

    begin("{\"a\":1,\"b\":2 }");
    set("c", "3");
    drop("b");
    drop("a");
    gives("{\"c\":3 }");

    begin("{\"a\":1,\"b\":2}");
    drop("a");
    set("a.x", "3"); /* removed and set again: set */
    gives("{\"a\":{\"x\":3},\"b\":2}");

    begin("{\"a\":{\"x\":1,\"y\":2},\"b\":2}");
    set("a.z", "3");
    drop("a");
    gives("{\"b\":2}");

    begin("{\"a\":{\"x\":1},\"b\":2}");
    put("a", "{\"q\":{}}");
    set("a.q.r", "3");
    gives("{\"a\":{\"q\":{\"r\":3}},\"b\":2}");
}

/* Text put in at the very place where a member goes, in either order. */
static void test_insert_at_removal(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        begin("{\"a\":1,\"b\":2}");
        if (first)
            drop("a");
        json_edit_replace(&edit, 1, 0, S("\"z\":0,"));
        if (!first)
            drop("a");
        gives("{\"z\":0,\"b\":2}");
    }
}

static void test_failures(void **state)
{
    (void)state;
    struct iovec pieces[JSON_PIECES_MAX];
    begin("{\"a\":{\"x\":1}}");
    drop("a");
    struct json_span a = member("a");
    json_edit_replace(&edit, a.at, a.n, S("1"));
    assert_true(edit.failed);
    assert_int_equal(json_edit_pieces(&edit, pieces), 0);
    assert_int_equal(json_edit_length(&edit), 0);
    arena_fini(&arena);

    begin("{\"a\":1}");
    json_edit_replace(&edit, 3, 100, S("1"));
    assert_true(edit.failed);
    arena_fini(&arena);

    char doc[512] = "{";
    for (int i = 0; i <= JSON_EDITS_MAX; i++)
        sprintf(doc + strlen(doc), "\"k%d\":%d,", i, i);
    strcpy(doc + strlen(doc) - 1, "}");
    begin(doc);
    for (int i = 0; i <= JSON_EDITS_MAX; i++) {
        char key[16];
        sprintf(key, "k%d", i);
        assert_false(edit.failed);
        put(key, "null");
    }
    assert_true(edit.failed);
    arena_fini(&arena);

    begin("{\"a\":{\"b\":1,\"b\":2}}");
    const str path[] = {S("a"), S("b")};
    struct fail f = {0};
    assert_int_equal(json_edit_set(&edit, root, path, 2, S("1"), &f), ERR_DUPLICATE_KEY);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_insert_at_removal),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
