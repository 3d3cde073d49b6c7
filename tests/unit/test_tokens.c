/* ir/tokens.h: the estimate against real tokenizers' counts, media by the vendors' rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base64.h"
#include "ir/request.h"
#include "ir/tokens.h"
#include "ir/tokens_shape.h"

/* ---- texts ---------------------------------------------------------------------------------- */

/*
 * What tokenizers say: o200k_base and cl100k_base by tiktoken, Claude 2's and Gemini's published
 * vocabularies by the tokenizers package. None of these texts was fitted to.
 */
static const struct {
    const char *name;
    uint64_t tokens[4];
    const char *text;
} samples[] = {
    {"english",
     {50, 50, 50, 49},
     "The quick brown fox jumps over the lazy dog. It was not the first time,"
     " and nobody who lived near the river expected it to be the last; foxes,"
     " after all, have their habits, and this one preferred to exercise befor"
     "e breakfast."},
    {"german",
     {46, 58, 63, 43},
     "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen i"
     "st Verpflichtung aller staatlichen Gewalt. Das Deutsche Volk bekennt si"
     "ch darum zu unverletzlichen und unveräußerlichen Menschenrechten."},
    {"russian",
     {41, 74, 89, 41},
     "Все люди рождаются свободными и равными в своем достоинстве и правах. О"
     "ни наделены разумом и совестью и должны поступать в отношении друг друг"
     "а в духе братства."},
    {"chinese",
     {52, 73, 72, 44},
     "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。人人有资格享有本宣言所载的一切权利和自由。"},
    {"japanese",
     {72, 93, 87, 46},
     "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられており、互いに同胞の精神をも"
     "って行動しなければならない。"},
    {"c",
     {82, 82, 91, 98},
     "static int next(struct scan *s)\n"
     "{\n"
     "    if (s->p == s->end)\n"
     "        return -1;\n"
     "    for (size_t i = 0; i < s->count; i++) {\n"
     "        if (s->items[i].key == *s->p)\n"
     "            return s->items[i].value;\n"
     "    }\n"
     "    return default_value(s, *s->p++);\n"
     "}\n"},
    {"python",
     {84, 84, 95, 101},
     "def load_settings(path, *, strict=False):\n"
     "    \"\"\"Reads the settings file and returns a dict.\"\"\"\n"
     "    with open(path, encoding=\"utf-8\") as handle:\n"
     "        data = json.load(handle)\n"
     "    if strict and not isinstance(data, dict):\n"
     "        raise TypeError(f\"expected an object, got {type(data).__name__"
     "}\")\n"
     "    return {key.lower(): value for key, value in data.items()}\n"},
    {"json",
     {75, 74, 77, 86},
     "{\"id\":\"chatcmpl-8f3k2\",\"object\":\"chat.completion\",\"created\":1"
     "730000000,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"message\":{\""
     "role\":\"assistant\",\"content\":\"Hello!\"},\"finish_reason\":\"stop\""
     "}],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,\"total_toke"
     "ns\":15}}"},
    {"base64",
     {100, 107, 101, 99},
     "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgG"
     "AWjR9awAAAABJRU5ErkJggg==SGVsbG8sIHdvcmxkISBUaGlzIGlzIGEgdGVzdCBvZiBiYX"
     "NlNjQgZW5jb2RpbmcgaW4gdG9rZW5z"},
    {"emoji",
     {29, 36, 38, 26},
     "Great work! 🎉🎉 The build is green ✅ and the deploy went out 🚀. See you "
     "at lunch 🍕? 😀👍"},
};

static const enum token_family column[4] = {TOKENS_O200K, TOKENS_CL100K, TOKENS_CLAUDE,
                                            TOKENS_GEMINI};

static void test_near_the_tokenizers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        for (size_t f = 0; f < 4; f++) {
            uint64_t is = samples[i].tokens[f];
            uint64_t said = tokens_of_text(str_c(samples[i].text), column[f]);
            if (said * 100 < is * 75 || said * 100 > is * 125)
                fail_msg("%s: family %d has %d tokens, the estimate says %d", samples[i].name,
                         (int)column[f], (int)is, (int)said);
        }
    }
}

/* All samples together are much nearer than each may be: errors of the two signs. */
static void test_near_in_sum(void **state)
{
    (void)state;
    for (size_t f = 0; f < 4; f++) {
        uint64_t is = 0, said = 0;
        for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
            is += samples[i].tokens[f];
            said += tokens_of_text(str_c(samples[i].text), column[f]);
        }
        if (said * 100 < is * 94 || said * 100 > is * 106)
            fail_msg("family %d: %d tokens, the estimate says %d", (int)column[f], (int)is,
                     (int)said);
    }
}

/* Claude's newer tokenizer needs more for English and the same for Chinese. */
static void test_claude_47(void **state)
{
    (void)state;
    str english = str_c(samples[0].text), chinese = str_c(samples[3].text);
    uint64_t old = tokens_of_text(english, TOKENS_CLAUDE);
    uint64_t new = tokens_of_text(english, TOKENS_CLAUDE_47);
    assert_in_range(new * 100, old * 120, old * 150);
    old = tokens_of_text(chinese, TOKENS_CLAUDE);
    new = tokens_of_text(chinese, TOKENS_CLAUDE_47);
    assert_in_range(new * 100, old * 85, old * 115);
}

static void test_edges(void **state)
{
    (void)state;
    for (int f = 0; f < TOKEN_FAMILIES; f++) {
        enum token_family family = (enum token_family)f;
        assert_int_equal(tokens_of_text((str){NULL, 0}, family), 0);
        assert_in_range(tokens_of_text(S("a"), family), 1, 2);
        assert_in_range(tokens_of_text(S("\n"), family), 1, 2);
        /* Any bytes: never out of proportion, and one for each that is no text. */
        char all[512];
        for (int i = 0; i < 512; i++)
            all[i] = (char)(i * 7 + i / 256);
        uint64_t n = tokens_of_text(str_of(all, sizeof all), family);
        assert_in_range(n, 128, 2048);
        memset(all, 0xff, sizeof all);
        assert_int_equal(tokens_of_text(str_of(all, sizeof all), family), 512);
    }
}

/* Where the text ends, and what stands behind it, changes nothing: the vector path reads 16. */
static void test_ends(void **state)
{
    (void)state;
    static const char text[] = "alpha betaGamma DELTA epsilonZ \xc3\xa9t\xc3\xa9 x";
    for (size_t n = 0; n < sizeof text; n++) {
        char *copy = malloc(n + 64);
        assert_non_null(copy);
        memset(copy, 'q', n + 64);
        memcpy(copy, text, n);
        char *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, text, n);
        struct token_shape a = {0}, b = {0};
        token_shape_add(&a, str_of(copy, n));
        token_shape_add(&b, str_of(exact, n));
        assert_memory_equal(&a, &b, sizeof a);
        free(copy);
        free(exact);
    }
}

static uint64_t class_of(str text, enum token_class class)
{
    struct token_shape shape = {0};
    token_shape_add(&shape, text);
    return shape.n[class];
}

static void test_pieces(void **state)
{
    (void)state;
    assert_int_equal(class_of(S("one two three"), TC_WORD_3), 2);
    assert_int_equal(class_of(S("one two three"), TC_WORD_BARE), 1);
    assert_int_equal(class_of(S("getElementById"), TC_WORD_CAMEL), 3);
    assert_int_equal(class_of(S("HTTPServer"), TC_WORD_10), 1);
    assert_int_equal(class_of(S("HTTP"), TC_WORD_UPPER_LETTER), 4);
    assert_int_equal(class_of(S("gr\xc3\xb6\xc3\x9f"
                                "er"),
                              TC_WORD_6),
                     1);
    assert_int_equal(class_of(S("abcdefghijklmnopqrstuvwxyz"), TC_WORD_EXTRA), 12);
    assert_int_equal(class_of(S("snake_case_name"), TC_LEAD_UNDERSCORE), 2);
    assert_int_equal(class_of(S("f(x)"), TC_LEAD_OPEN), 1);
    assert_int_equal(class_of(S("1234567"), TC_DIGIT_GROUP), 3);
    assert_int_equal(class_of(S("a = b"), TC_SPACE_MARK_1), 1);
    assert_int_equal(class_of(S("});\n"), TC_MARK_3), 1);
    assert_int_equal(class_of(S("});\n"), TC_MARK_LINE), 1);
    assert_int_equal(class_of(S("--------"), TC_MARK_REPEAT), 1);
    assert_int_equal(class_of(S("a\r\nb\r\n"), TC_LINE_1), 2);
    assert_int_equal(class_of(S("a\n\nb"), TC_LINE_2), 1);
    assert_int_equal(class_of(S("{\n    x"), TC_INDENT_4), 1);
    assert_int_equal(class_of(S("a    b"), TC_GAP), 1);
    assert_int_equal(class_of(S("\xe4\xb8\xad\xe6\x96\x87"), TC_HAN), 2);
    assert_int_equal(class_of(S("\xf0\x9f\x98\x80"), TC_EMOJI), 1);
    assert_int_equal(class_of(S("\xd0\xb4\xd0\xb0 \xd0\xbd\xd0\xb5"), TC_CYRILLIC_WORD), 2);
}

static void test_families(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        enum token_family family;
    } rows[] = {
        {"gpt-4o-mini", TOKENS_O200K},
        {"gpt-4.1", TOKENS_O200K},
        {"gpt-4-turbo", TOKENS_CL100K},
        {"gpt-3.5-turbo", TOKENS_CL100K},
        {"gpt-5.3-codex-spark", TOKENS_O200K},
        {"o4-mini", TOKENS_O200K},
        {"openai/gpt-oss-120b", TOKENS_O200K},
        {"claude-3-5-sonnet-20241022", TOKENS_CLAUDE},
        {"claude-sonnet-4-20250514", TOKENS_CLAUDE},
        {"claude-opus-4-6", TOKENS_CLAUDE},
        {"claude-haiku-4-5-20251001", TOKENS_CLAUDE},
        {"claude-opus-4-7", TOKENS_CLAUDE_47},
        {"Claude-Opus-4.8", TOKENS_CLAUDE_47},
        {"claude-sonnet-5", TOKENS_CLAUDE_47},
        {"us.anthropic.claude-opus-4-7-v1:0", TOKENS_CLAUDE_47},
        {"anthropic/claude-3-opus", TOKENS_CLAUDE},
        {"claude", TOKENS_CLAUDE},
        {"models/gemini-2.5-pro", TOKENS_GEMINI},
        {"meta-llama/Llama-3.1-8B", TOKENS_CL100K},
        {"something-new", TOKENS_O200K},
        {"", TOKENS_O200K},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (token_family_of(str_c(rows[i].model)) != rows[i].family)
            fail_msg("%s is of family %d", rows[i].model,
                     (int)token_family_of(str_c(rows[i].model)));
    char huge[4096];
    memset(huge, '9', sizeof huge);
    memcpy(huge, "claude-", 7);
    (void)token_family_of(str_of(huge, sizeof huge));
}

/* ---- media ---------------------------------------------------------------------------------- */

static void assert_size(str head, uint32_t width, uint32_t height)
{
    uint32_t w = 0, h = 0;
    assert_true(image_size(head, &w, &h));
    assert_int_equal(w, width);
    assert_int_equal(h, height);
    /* Cut anywhere before the size, it does not tell, and does not read on. */
    for (size_t n = 0; n < head.n; n++) {
        char *cut = malloc(n ? n : 1);
        assert_non_null(cut);
        memcpy(cut, head.p, n);
        (void)image_size(str_of(cut, n), &w, &h);
        free(cut);
    }
}

static void test_image_sizes(void **state)
{
    (void)state;
    assert_size(S("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\x20\0\0\x02\x58"), 800, 600);
    assert_size(S("GIF89a\x20\x03\x58\x02"), 800, 600);
    assert_size(S("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0"), 800, 600);
    assert_size(S("RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x1f\xc3\x95\0\0\0\0\0\0"), 800, 600);
    assert_size(S("RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x20\x03\x58\x02"), 800, 600);
    /* A thumbnail's segment, a fill byte, then a progressive frame. */
    assert_size(S("\xff\xd8\xff\xe0\0\x06"
                  "JFIF"
                  "\xff\xff\xc2\0\x0b\x08\x02\x58\x03\x20\x03"),
                800, 600);
    uint32_t w, h;
    assert_false(image_size(S("\xff\xd8\xff\xda\0\x02\xff\xd9 and so on and on"), &w, &h));
    assert_false(image_size(S("%PDF-1.7 and so on, no picture at all"), &w, &h));
    assert_false(image_size((str){NULL, 0}, &w, &h));
    /* Nothing by nothing is no size. */
    assert_false(image_size(S("GIF89a\0\0\0\0"), &w, &h));
}

static void test_image_prices(void **state)
{
    (void)state;
    /* OpenAI's own examples: 1024 x 1024 and 2048 x 4096 at high detail, 4096 x 8192 at low. */
    assert_int_equal(tokens_of_image(TOKENS_O200K, 1024, 1024, false), 765);
    assert_int_equal(tokens_of_image(TOKENS_O200K, 2048, 4096, false), 1105);
    assert_int_equal(tokens_of_image(TOKENS_O200K, 4096, 8192, true), 85);
    /* Anthropic's: 200 x 200, 1000 x 1000, 1092 x 1092; larger is scaled down to about 1,600. */
    assert_in_range(tokens_of_image(TOKENS_CLAUDE, 200, 200, false), 53, 54);
    assert_in_range(tokens_of_image(TOKENS_CLAUDE, 1000, 1000, false), 1333, 1334);
    assert_in_range(tokens_of_image(TOKENS_CLAUDE, 1092, 1092, false), 1580, 1600);
    assert_int_equal(tokens_of_image(TOKENS_CLAUDE, 4000, 3000, false), 1600);
    assert_in_range(tokens_of_image(TOKENS_CLAUDE_47, 2000, 1500, false), 3999, 4001);
    /* Google's: 384 x 384, and 2 x 1 tiles. */
    assert_int_equal(tokens_of_image(TOKENS_GEMINI, 384, 384, false), 258);
    assert_int_equal(tokens_of_image(TOKENS_GEMINI, 1024, 700, false), 516);
    /* Absurd and unknown sizes stay within reason. */
    for (int f = 0; f < TOKEN_FAMILIES; f++) {
        enum token_family family = (enum token_family)f;
        assert_in_range(tokens_of_image(family, UINT32_MAX, UINT32_MAX, false), 85, 10000);
        assert_in_range(tokens_of_image(family, UINT32_MAX, 1, false), 1, 10000);
        assert_in_range(tokens_of_image(family, 0, 0, false), 85, 2000);
    }
}

static void test_files(void **state)
{
    (void)state;
    assert_int_equal(tokens_of_pdf(TOKENS_GEMINI, 19000), 258);
    assert_int_equal(tokens_of_pdf(TOKENS_GEMINI, 0), 0);
    assert_int_equal(tokens_of_pdf(TOKENS_GEMINI, 500000), 2580);
    assert_in_range(tokens_of_pdf(TOKENS_CLAUDE, 19000), 2000, 3000);
    /* Four seconds of 128 kbit/s, then of a WAV that says 88,200 bytes a second. */
    assert_int_equal(tokens_of_audio(TOKENS_GEMINI, 64000, (str){NULL, 0}), 128);
    str wav = S("RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x44\xac\0\0\x88\x58\1\0");
    assert_int_equal(tokens_of_audio(TOKENS_GEMINI, 4 * 88200, wav), 128);
    assert_int_equal(tokens_of_video(TOKENS_GEMINI, 250000), 526);
    assert_true(tokens_of_video(TOKENS_GEMINI, UINT64_MAX) > 0);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void test_request(void **state)
{
    (void)state;
    static const str text = {"How many words are there in this question?", 42};
    for (int f = 0; f < TOKEN_FAMILIES; f++) {
        enum token_family family = (enum token_family)f;
        struct arena a;
        arena_init(&a);
        struct ir_request rq;
        ir_request_init(&rq, &a, DIALECT_CHAT);
        uint64_t base = tokens_of_request(&rq, family);
        assert_in_range(base, 0, 10);
        struct ir_message *m = ir_message_add(&rq, IR_USER);
        ir_part_add(&rq, m, IR_PART_TEXT)->text = text;
        uint64_t one = tokens_of_request(&rq, family);
        assert_in_range(one - base, tokens_of_text(text, family),
                        tokens_of_text(text, family) + 10);

        /* A picture that says its size is counted by it, and not as the text of its base64. */
        struct ir_media png = {.mime = S("image/png")};
        png.data =
            base64_encode(S("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0 and much more"), &a);
        ir_part_add(&rq, m, IR_PART_IMAGE)->media = &png;
        assert_int_equal(tokens_of_request(&rq, family) - one,
                         tokens_of_image(family, 256, 256, false));
        png.data = (str){NULL, 0};
        png.url = S("https://example.com/x.png");
        assert_int_equal(tokens_of_request(&rq, family) - one,
                         tokens_of_image(family, 0, 0, false));

        /* Tools count, unless the model may not call them; a schema's tree counts as its text. */
        one = tokens_of_request(&rq, family);
        struct ir_tool *tool = ir_tool_add(&rq, IR_TOOL_FUNCTION);
        tool->name = S("get_weather");
        tool->description = S("Current weather of a city.");
        static const char schema[] =
            "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}";
        yyjson_doc *doc = yyjson_read(schema, sizeof schema - 1, 0);
        assert_non_null(doc);
        uint64_t bare = tokens_of_request(&rq, family);
        tool->schema = yyjson_doc_get_root(doc);
        uint64_t with = tokens_of_request(&rq, family);
        assert_in_range(bare - one, 10, 620);
        assert_in_range(with - bare, 8, 30);
        rq.choice.kind = IR_CHOICE_NONE;
        assert_int_equal(tokens_of_request(&rq, family), one);
        yyjson_doc_free(doc);

        /* Calls and results, the result's parts within it. */
        struct ir_part *call = ir_part_add(&rq, m, IR_PART_CALL);
        call->name = S("get_weather");
        call->text = S("{\"city\":\"Paris\"}");
        struct ir_part *result = ir_part_add(&rq, m, IR_PART_RESULT);
        uint64_t empty = tokens_of_request(&rq, family);
        assert_in_range(empty - one, 8, 50);
        struct ir_parts content;
        ir_parts_init(&content);
        ir_parts_add(&content, &a, IR_PART_TEXT)->text = text;
        result->content = content.first;
        assert_int_equal(tokens_of_request(&rq, family) - empty, tokens_of_text(text, family));
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_the_tokenizers),
        cmocka_unit_test(test_near_in_sum),
        cmocka_unit_test(test_claude_47),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_image_sizes),
        cmocka_unit_test(test_image_prices),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
