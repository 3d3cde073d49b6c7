/*
 * dialect/codec.h, requests: any body of any client, for any provider. What is written is JSON, can
 * be read in the provider's dialect and, written once more, is the same document; its size is
 * bounded by the input's. What is refused is refused in words. Bytes: client, provider (the next
 * one when they speak alike: nothing is translated then), options of the target, body.
 */
#include <stdint.h>

#include "base/hash.h"
#include "ir/print.h"
#include "support/document.h"
#include "support/translate.h"
#include "json/scan.h"

/* A custom tool becomes a function with a schema and a description, a call without an id gets one
 * and its missing result: small things that become large ones, but never more than so. */
enum { FACTOR = 64, EXTRA = 4096, OUT_MAX = 1 << 27 };

static const struct codec *codec_of(uint8_t c)
{
    return c == '4' ? &codec_completions : codec_get((enum dialect_id)(c & 3));
}

static struct ir_target target_of(uint8_t options)
{
    static const char *const models[] = {"gpt-5.1", "claude-opus-4-5", "gemini-3-pro-preview",
                                         "gemini-2.5-flash"};
    return (struct ir_target){.model = str_c(models[options & 3]),
                              .counting = options & 4,
                              .is_compat = options & 8,
                              .max_output = options & 16 ? 8192 : 0,
                              .reasons = (enum ir_tri)((options >> 5) % 3)};
}

/* Reading it and writing it again changes nothing. */
static void check_again(const struct codec *to, const struct ir_target *target, str body)
{
    struct arena a;
    struct written_request w = {0};
    struct fail why = {0};
    arena_init(&a);
    buf_init(&w.out, OUT_MAX);
    if (translate_request(to, to, body, target, &a, &w) != OK)
        must_fail("fuzz_codec_request", 0, fail_text(&w.fail));
    if (!document_same(body, buf_str(&w.out), NULL, &why))
        must_fail("fuzz_codec_request", 1, why.text);
    buf_fini(&w.out);
    arena_fini(&a);
}

static void check_print(const struct ir_request *rq)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    ir_print_request(rq, &out);
    must(!out.failed);
    buf_fini(&out);
}

static void check_written(const struct codec *to, const struct ir_target *target,
                          const struct written_request *w, size_t size)
{
    enum json_kind kind;
    str body = buf_str(&w->out);
    must(json_validate(body, JSON_DEPTH_MAX + 64, &kind, NULL) == OK && kind == JSON_OBJECT);
    must(body.n <= FACTOR * size + EXTRA);
    check_print(&w->rq);
    if (to->request_read && !target->counting)
        check_again(to, target, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool hashing;
    struct arena a;
    struct written_request w = {0};
    if (size < 4)
        return 0;
    if (!hashing)
        hash_init();
    hashing = true;
    const struct codec *from = codec_of(data[0]), *to = codec_of(data[1] & 3);
    if (from->dialect == to->dialect)
        to = codec_of((data[1] + 1) & 3);
    struct ir_target target = target_of(data[2]);
    if (!from->request_read || !to->request_write)
        return 0;
    arena_init(&a);
    buf_init(&w.out, OUT_MAX);
    if (translate_request(from, to, str_of((const char *)data + 3, size - 3), &target, &a, &w) ==
        OK)
        check_written(to, &target, &w, size);
    else
        must(fail_text(&w.fail)[0] && str_utf8(str_c(fail_text(&w.fail))));
    buf_fini(&w.out);
    arena_fini(&a);
    return 0;
}
