/*
 * The schema cleaner of Gemini (SPEC 5.5): each pass alone, then all of them on what clients send.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dialect/gemini/schema/clean.h"
#include "dialect/gemini/schema/pass.h"

/* Texts below use ' for ". */
static str quoted(const char *text, struct arena *a)
{
    char *p = arena_alloc(a, strlen(text) + 1);
    for (size_t i = 0; i <= strlen(text); i++)
        p[i] = text[i] == '\'' ? '"' : text[i];
    return str_c(p);
}

static yyjson_val *parse(const char *text, struct arena *a)
{
    yyjson_val *v;
    struct fail f = {OK, ""};
    if (json_read(quoted(text, a), a, &v, &f))
        fail_msg("%s: %s", text, fail_text(&f));
    return v;
}

static void expect(const char *in, str got, const char *want, struct arena *a)
{
    str expected = quoted(want, a);
    if (!str_eq(got, expected))
        fail_msg("%s\n   gave %.*s\nnot     %.*s", in, STR_FMT(got), STR_FMT(expected));
}

struct example {
    const char *in, *want;
};

static void check(schema_pass *pass, bool down, const struct example *examples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct arena a;
        arena_init(&a);
        struct schema s = {.arena = &a, .budget = 1000};
        s.root = tree_of(&a, parse(examples[i].in, &a));
        if (down)
            schema_walk_down(&s, s.root, pass);
        else
            schema_walk(&s, s.root, pass);
        schema_walk(&s, s.root, schema_say_hints);
        expect(examples[i].in, tree_text(s.root, &a), examples[i].want, &a);
        arena_fini(&a);
    }
}

#define CHECK(pass, down, ...)                                           \
    do {                                                                 \
        static const struct example examples[] = {__VA_ARGS__};          \
        (void)state;                                                     \
        check(pass, down, examples, sizeof examples / sizeof *examples); \
    } while (0)

static void test_repair(void **state)
{
    CHECK(
        schema_repair, true,
        {"{'city':{'type':'string'},'n':{'type':'INTEGER'}}",
         "{'properties':{'city':{'type':'string'},'n':{'type':'integer'}},'type':'object'}"},
        {"{'type':{'type':'string'}}", "{'properties':{'type':{'type':'string'}},'type':'object'}"},
        {"{'type':'object','properties':{'a':{'type':'string','required':true},"
         "'b':{'type':'int','required':false}},'required':['b']}",
         "{'type':'object','properties':{'a':{'type':'string'},'b':{'type':'integer'}},"
         "'required':['a','b']}"},
        {"{'properties':{'a':true,'b':false,'c':3}}",
         "{'properties':{'a':{},'c':{}},'type':'object'}"},
        {"{'type':'array','items':true}", "{'type':'array','items':{}}"},
        {"{'type':['string','NULL','any']}", "{'type':['string','null']}"},
        {"{'type':'any'}", "{}"}, {"{'type':7,'required':'a'}", "{'required':['a']}"},
        {"{'properties':[1],'anyOf':[],'required':{}}", "{}"},
        {"{'description':'x'}", "{'description':'x'}"}, {"{}", "{}"});
}

static void test_noise(void **state)
{
    CHECK(schema_noise, false,
          {"{'$schema':'x','type':'object','defer_loading':true,'properties':{"
           "'defer_loading':{'type':'boolean','deferLoading':true},'$schema':{'type':'string'}}}",
           "{'type':'object','properties':{'defer_loading':{'type':'boolean'},"
           "'$schema':{'type':'string'}}}"},
          {"{'default':{'defer_loading':true},'enum':[{'strict':1}]}",
           "{'default':{'defer_loading':true},'enum':[{'strict':1}]}"});
}

static void test_const(void **state)
{
    CHECK(schema_const, false, {"{'const':'a'}", "{'enum':['a']}"},
          {"{'const':1,'enum':[1,2]}", "{'enum':[1,2]}"},

          {"{'properties':{'const':{'const':null}}}", "{'properties':{'const':{'enum':[null]}}}"});
}

/* Hints are JSON strings: the quotes inside are escaped. */
static void test_const_hint(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a);
    struct schema s = {.arena = &a};
    s.root = tree_of(&a, parse("{'const':['x']}", &a));
    schema_const(&s, s.root);
    schema_say_hints(&s, s.root);
    str got = tree_text(s.root, &a);
    assert_true(str_eq(got, S("{\"description\":\"(always [\\\"x\\\"])\"}")));
    arena_fini(&a);
}

static void test_enum_type(void **state)
{
    CHECK(schema_enum_type, false, {"{'enum':['a','b']}", "{'enum':['a','b'],'type':'string'}"},
          {"{'enum':[1,2.5]}", "{'enum':[1,2.5],'type':'number'}"},
          {"{'enum':[1,2]}", "{'enum':[1,2],'type':'integer'}"},
          {"{'enum':[1,'a']}", "{'enum':[1,'a']}"},
          {"{'type':'string','enum':['a']}", "{'type':'string','enum':['a']}"});
}

static void test_null_type(void **state)
{
    CHECK(schema_null_type, false,
          {"{'type':'string','nullable':true}", "{'type':['string','null']}"},
          {"{'type':'string','nullable':false}", "{'type':'string'}"});
}

static void test_enum_strings(void **state)
{
    CHECK(schema_enum_strings, false,
          {"{'type':'integer','enum':[1,2]}",
           "{'type':'string','enum':['1','2'],'description':'(type: integer)'}"},
          {"{'enum':['a','',null,'a',true]}",
           "{'nullable':true,'enum':['a','true'],'type':'string',"
           "'description':'(values need not be strings)'}"},
          {"{'type':'string','enum':['b','a']}", "{'type':'string','enum':['b','a']}"},
          {"{'type':'string','enum':[null,'']}", "{'type':'string','nullable':true}"});
}

static void test_closed(void **state)
{
    CHECK(schema_closed, false,
          {"{'properties':{'a':{}},'additionalProperties':false,'description':'x'}",
           "{'properties':{'a':{}},'additionalProperties':false,"
           "'description':'x (no other properties)'}"},
          {"{'additionalProperties':true}", "{'additionalProperties':true}"});
}

static void test_constraints(void **state)
{
    CHECK(schema_constraints, false,
          {"{'type':'string','minLength':3,'pattern':'^a','description':'A name'}",
           "{'type':'string','description':'A name (minLength: 3; pattern: ^a)'}"},
          {"{'type':'integer','format':'int32','minimum':1}",
           "{'type':'integer','format':'int32','minimum':1}"},
          {"{'type':'string','format':'uri','default':''}",
           "{'type':'string','description':'(format: uri; default: )'}"},
          {"{'type':'object','properties':{'format':{'type':'string'},'default':{}}}",
           "{'type':'object','properties':{'format':{'type':'string'},'default':{}}}"},
          {"{'type':'array','minItems':1,'items':{'exclusiveMinimum':0}}",
           "{'type':'array','items':{'description':'(exclusiveMinimum: 0)'},"
           "'description':'(minItems: 1)'}"});
}

static void test_all_of(void **state)
{
    CHECK(schema_all_of, false,
          {"{'allOf':[{'type':'object','properties':{'a':{'type':'string'}},'required':['a']},"
           "{'properties':{'b':{}},'required':['b'],'description':'two'}],'description':'one'}",
           "{'description':'one two','properties':{'a':{'type':'string'},'b':{}},"
           "'required':['b','a'],'type':'object'}"});
}

static void test_any_of(void **state)
{
    CHECK(schema_any_of, false,
          {"{'anyOf':[{'type':'string'},{'type':'null'}],'description':'d'}",
           "{'description':'d','nullable':true,'type':'string'}"},
          {"{'oneOf':[{'type':'string','description':'a path'},{'type':'object',"
           "'properties':{'a':{}}},{'type':'array','items':{}}]}",
           "{'properties':{'a':{}},'type':'object',"
           "'description':'(or string: a path; or array)'}"},
          {"{'anyOf':[{'enum':['a']},{'enum':['b','c']},{'type':'null'}]}",
           "{'nullable':true,'enum':['a','b','c']}"},
          {"{'type':'object','properties':{'a':{},'b':{}},'oneOf':[{'required':['a']},"
           "{'required':['b']}]}",
           "{'type':'object','properties':{'a':{},'b':{}}}"},
          {"{'anyOf':[{'type':'null'}]}", "{'nullable':true}"});
}

static void test_type_list(void **state)
{
    CHECK(schema_type_list, false,
          {"{'type':['null','string']}", "{'type':'string','nullable':true}"},
          {"{'type':['integer','string']}", "{'type':'integer','description':'(or string)'}"},
          {"{'type':['null']}", "{'type':'string','nullable':true}"});
}

static void test_if(void **state)
{
    CHECK(schema_if, false,
          {"{'if':{'properties':{'a':{'const':1}}},'then':{'properties':{'b':{}},"
           "'required':['b']},'else':{'properties':{'c':{}}},'properties':{'a':{}}}",
           "{'properties':{'a':{},'b':{},'c':{}}}"});
}

static void test_nullable(void **state)
{
    CHECK(schema_nullable, false,
          {"{'properties':{'a':{'nullable':true,'type':'string'},'b':{'nullable':false}},"
           "'required':['a','b']}",
           "{'properties':{'a':{'type':'string','description':'(nullable)'},'b':{}},"
           "'required':['b']}"});
}

static void test_rest(void **state)
{
    CHECK(schema_rest, false,
          {"{'type':'object','properties':{'title':{'type':'string','title':'x','x-y':1},"
           "'any':{},'a':{'type':'array'},'t':{'type':'array','items':[{'type':'integer'},{}]}},"
           "'$id':'u','deprecated':true}",
           "{'type':'object','properties':{'title':{'type':'string'},"
           "'any':{'type':'string','description':'(any JSON value)'},"
           "'a':{'type':'array','items':{'type':'string'}},"
           "'t':{'type':'array','items':{'type':'integer'},"
           "'description':'(elements differ by position)'}}}"},
          {"{'type':'object'}",
           "{'type':'object','properties':{'key':{'type':'string',"
           "'description':'An example of a property.'}},'description':'(any properties)'}"});
}

static void test_required(void **state)
{
    CHECK(schema_required, false,
          {"{'properties':{'a':{},'b':{}},'required':['a','x','a',3,'b']}",
           "{'properties':{'a':{},'b':{}},'required':['a','b']}"},
          {"{'required':['port'],'type':'object'}", "{'type':'object'}"});
}

/* ---- references ---- */

static void references(const char *in, const char *want)
{
    struct arena a;
    arena_init(&a);
    struct schema s = {.arena = &a, .budget = 1000};
    s.root = tree_of(&a, parse(in, &a));
    schema_references(&s);
    schema_walk(&s, s.root, schema_say_hints);
    expect(in, tree_text(s.root, &a), want, &a);
    arena_fini(&a);
}

static void test_references(void **state)
{
    (void)state;
    references("{'properties':{'a':{'$ref':'#/$defs/A','description':'mine'}},"
               "'$defs':{'A':{'type':'string','description':'theirs'}}}",
               "{'properties':{'a':{'description':'mine','type':'string'}}}");
    references("{'properties':{'a':{'$ref':'#/definitions/A'}},'definitions':{"
               "'A':{'items':{'$ref':'#/definitions/B~1c'}},'B/c':{'type':'null'}}}",
               "{'properties':{'a':{'items':{'type':'null'}}}}");
    references("{'properties':{'a':{'type':'integer'},'b':{'$ref':'#/properties/a'}}}",
               "{'properties':{'a':{'type':'integer'},'b':{'type':'integer'}}}");
    references("{'anyOf':[{'type':'string'},{'$ref':'#/anyOf/0'}]}",
               "{'anyOf':[{'type':'string'},{'type':'string'}]}");
    /* What is called $ref, and what is data, is no reference. */
    references("{'properties':{'$ref':{'type':'string'}},'default':{'$ref':'#/x'}}",
               "{'properties':{'$ref':{'type':'string'}},'default':{'$ref':'#/x'}}");
    references("{'properties':{'a':{'$ref':'other.json#/x'},'b':{'$ref':'#/$defs/gone'}}}",
               "{'properties':{'a':{'description':'(see x)'},'b':{'description':'(see gone)'}}}");
}

static void test_cycles(void **state)
{
    (void)state;
    references("{'properties':{'next':{'$ref':'#'}},'type':'object'}",
               "{'properties':{'next':{'type':'object','description':'(again: #)'}},"
               "'type':'object'}");
    references("{'$ref':'#/$defs/N','$defs':{'N':{'type':'object','properties':{"
               "'kids':{'type':'array','items':{'$ref':'#/$defs/N'}}}}}}",
               "{'type':'object','properties':{'kids':{'type':'array','items':{"
               "'type':'object','description':'(again: N)'}}}}");
    references("{'$ref':'#/$defs/a','$defs':{'a':{'$ref':'#/$defs/b'},'b':{'$ref':'#/$defs/a'}}}",
               "{'description':'(again: a)'}");
    references("{'properties':{'a':{'items':{'$ref':'#/properties/a'}}}}",
               "{'properties':{'a':{'items':{'description':'(again: a)'}}}}");
}

/* Each definition holds the next twice: 2^60 nodes, were there no budget. */
static void test_bomb(void **state)
{
    struct arena a;
    struct buf text, out;
    (void)state;
    arena_init(&a);
    buf_init(&text, 1 << 20);
    buf_init(&out, 1 << 20);
    buf_lit(&text, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
    for (int i = 0; i < 60; i++)
        buf_printf(&text,
                   "\"d%d\":{\"properties\":{\"a\":{\"$ref\":\"#/$defs/d%d\"},"
                   "\"b\":{\"$ref\":\"#/$defs/d%d\"}}},",
                   i, i + 1, i + 1);
    buf_lit(&text, "\"d60\":{}}}");
    yyjson_val *v;
    assert_int_equal(json_read(buf_str(&text), &a, &v, NULL), OK);
    struct json_writer w = json_writer(&out);
    gemini_schema_write(v, GEMINI_JSON_SCHEMA, &a, &w);
    assert_false(out.failed);
    assert_true(out.n < 40 * text.n);
    assert_int_equal(json_validate(buf_str(&out), 1000, NULL, NULL), OK);
    buf_fini(&text);
    buf_fini(&out);
    arena_fini(&a);
}

/* ---- all of it ---- */

static void whole(enum gemini_schema_form form, const char *in, const char *want)
{
    struct arena a;
    struct buf out;
    arena_init(&a);
    buf_init(&out, 1 << 20);
    struct json_writer w = json_writer(&out);
    gemini_schema_write(in ? parse(in, &a) : NULL, form, &a, &w);
    expect(in ? in : "nothing", buf_str(&out), want, &a);
    buf_fini(&out);
    arena_fini(&a);
}

static void test_json_schema(void **state)
{
    (void)state;
    whole(GEMINI_JSON_SCHEMA, NULL, "{'type':'object','properties':{}}");
    whole(GEMINI_JSON_SCHEMA, "{}", "{'type':'object','properties':{}}");
    /* What it takes is left as it is. */
    whole(GEMINI_JSON_SCHEMA,
          "{'$schema':'s','type':'object','properties':{'a':{'type':['string','null'],"
          "'pattern':'x','title':'A'},'b':{'anyOf':[{'type':'number','exclusiveMinimum':0},"
          "{'type':'null'}]}},'required':['a','c'],'additionalProperties':false}",
          "{'type':'object','properties':{'a':{'type':['string','null'],"
          "'pattern':'x','title':'A'},'b':{'anyOf':[{'type':'number','exclusiveMinimum':0},"
          "{'type':'null'}]}},'required':['a'],'additionalProperties':false}");
    whole(GEMINI_JSON_SCHEMA, "{'properties':{'kind':{'const':'x'}}}",
          "{'properties':{'kind':{'enum':['x'],'type':'string'}},'type':'object'}");
    whole(GEMINI_JSON_SCHEMA, "{'anyOf':[{'type':'array','items':{}},{'type':'object'}]}",
          "{'anyOf':[{'type':'array','items':{}},{'type':'object'}]}");
}

static void test_subset(void **state)
{
    (void)state;
    whole(GEMINI_SCHEMA,
          "{'$schema':'s','type':'object','additionalProperties':false,'title':'T','properties':{"
          "'path':{'type':'string','format':'uri','title':'P'},"
          "'mode':{'anyOf':[{'const':'r'},{'const':'w'}],'default':'r'},"
          "'limit':{'type':['integer','null'],'exclusiveMinimum':0},"
          "'item':{'$ref':'#/$defs/Item'},'format':{'enum':[1,2]}},"
          "'required':['path','limit','gone'],"
          "'$defs':{'Item':{'allOf':[{'type':'object','properties':{'id':{'type':'string'}},"
          "'required':['id']}]}}}",
          "{'type':'object','properties':{"
          "'path':{'type':'string','description':'(format: uri)'},"
          "'mode':{'type':'string','enum':['r','w'],'description':'(default: r)'},"
          "'limit':{'type':'integer','description':'(exclusiveMinimum: 0; nullable)'},"
          "'item':{'properties':{'id':{'type':'string'}},'required':['id'],'type':'object'},"
          "'format':{'type':'string','enum':['1','2'],'description':'(type: integer)'}},"
          "'required':['path'],'description':'(no other properties)'}");
}

static void test_empty(void **state)
{
    static const struct {
        const char *schema;
        bool empty;
    } rows[] = {
        {"{}", true},
        {"{'type':'object','properties':{}}", true},
        {"{'type':'OBJECT','additionalProperties':false,'$schema':'x'}", true},
        {"{'properties':{'a':{}}}", false},
        {"{'$ref':'#/x'}", false},
        {"{'type':'string'}", false},
        {"{'anyOf':[{}]}", false},
    };
    struct arena a;
    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(gemini_schema_is_empty(parse(rows[i].schema, &a)), rows[i].empty);
    assert_true(gemini_schema_is_empty(NULL));
    arena_fini(&a);
}

static void test_read(void **state)
{
    static const struct example examples[] = {
        {"{'type':'OBJECT','properties':{'a':{'type':'STRING','nullable':true},"
         "'TYPE':{'type':'INTEGER','minimum':1}},'required':['a'],'propertyOrdering':['a']}",
         "{'type':'object','properties':{'a':{'type':['string','null']},"
         "'TYPE':{'type':'integer','minimum':1}},'required':['a']}"},
        {"{'type':'ARRAY','min_items':'2','items':{'any_of':[{'type':'STRING'}],'nullable':true}}",
         "{'type':'array','minItems':2,'items':{'anyOf':[{'type':'string'},{'type':'null'}]}}"},
        {"{'type':'STRING','format':'enum','enum':['A'],'example':'A'}",
         "{'type':'string','enum':['A'],'examples':['A']}"},
        {"{'defs':{'x':{'type':'NUMBER'}},'properties':{'y':{'ref':'#/defs/x'}},'type':'OBJECT'}",
         "{'$defs':{'x':{'type':'number'}},'properties':{'y':{'$ref':'#/$defs/x'}},"
         "'type':'object'}"},
        {"{'type':'object','properties':{'min_items':{'type':'string'}}}",
         "{'type':'object','properties':{'min_items':{'type':'string'}}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct arena a;
        arena_init(&a);
        yyjson_val *v = gemini_schema_read(parse(examples[i].in, &a), &a);
        expect(examples[i].in, json_text_of(v, &a), examples[i].want, &a);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repair),      cmocka_unit_test(test_noise),
        cmocka_unit_test(test_const_hint),  cmocka_unit_test(test_enum_type),
        cmocka_unit_test(test_null_type),   cmocka_unit_test(test_enum_strings),
        cmocka_unit_test(test_closed),      cmocka_unit_test(test_constraints),
        cmocka_unit_test(test_all_of),      cmocka_unit_test(test_any_of),
        cmocka_unit_test(test_type_list),   cmocka_unit_test(test_if),
        cmocka_unit_test(test_nullable),    cmocka_unit_test(test_rest),
        cmocka_unit_test(test_required),    cmocka_unit_test(test_references),
        cmocka_unit_test(test_cycles),      cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_json_schema), cmocka_unit_test(test_subset),
        cmocka_unit_test(test_empty),       cmocka_unit_test(test_read),
        cmocka_unit_test(test_const),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
