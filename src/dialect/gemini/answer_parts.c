/*
 * dialect/gemini/answer_parts.c - parts of an answer that are complete when they are written.
 */
#include "dialect/gemini/answer_state.h"
#include "dialect/gemini/gemini.h"
#include "ir/seal.h"
#include "json/read.h"

/*
 * An object, written anew and not as the model wrote it: its line breaks would end the event's
 * data, and U+2028 stand there unescaped. The text of a custom tool, which is none, is its one
 * member `input` (SPEC 5.5); an object that broke off is {}.
 */
static void write_args(str args, struct json_writer *w)
{
    struct arena scratch;
    yyjson_val *v;
    str text = str_trim(args);
    arena_init(&scratch);
    if (json_read(args, &scratch, &v, NULL) == OK && yyjson_is_obj(v)) {
        jw_value(w, v);
    } else {
        jw_object(w);
        if (text.n && text.p[0] != '{')
            jw_kstr(w, "input", args);
        jw_object_end(w);
    }
    arena_fini(&scratch);
}

void gemini_call_write(str id, str name, str args, str signature, struct json_writer *w)
{
    jw_object(w);
    jw_key(w, S("functionCall"));
    jw_object(w);
    if (id.n)
        jw_kstr(w, "id", id);
    jw_kstr(w, "name", name);
    jw_key(w, S("args"));
    write_args(args, w);
    jw_object_end(w);
    if (signature.n)
        jw_kstr(w, "thoughtSignature", signature);
    jw_object_end(w);
}

/* Language has PYTHON, and LANGUAGE_UNSPECIFIED for what is not known (content.proto): Google's
 * clients refuse other words, such as the bash of Anthropic's code execution. */
static void write_code(const struct ir_part *p, struct arena *a, struct json_writer *w)
{
    str signature = ir_seal_pack(&p->seal, DIALECT_GEMINI, a);
    jw_object(w);
    jw_key(w, S("executableCode"));
    jw_object(w);
    if (p->id.n)
        jw_kstr(w, "id", p->id);
    jw_kstr(w, "language",
            str_eq_nocase(p->name, S("python")) || !p->name.n ? S("PYTHON")
                                                              : S("LANGUAGE_UNSPECIFIED"));
    jw_kstr(w, "code", p->text);
    jw_object_end(w);
    if (signature.n)
        jw_kstr(w, "thoughtSignature", signature);
    jw_object_end(w);
    if (!p->content)
        return;
    jw_object(w);
    jw_key(w, S("codeExecutionResult"));
    jw_object(w);
    if (p->id.n)
        jw_kstr(w, "id", p->id);
    jw_kstr(w, "outcome", p->is_error ? S("OUTCOME_FAILED") : S("OUTCOME_OK"));
    str output = ir_result_text(p, a);
    if (output.n)
        jw_kstr(w, "output", output);
    jw_object_end(w);
    jw_object_end(w);
}

void gemini_part_write(const struct ir_part *p, struct arena *a, struct json_writer *w)
{
    if (p->kind == IR_PART_CODE) {
        write_code(p, a, w);
        return;
    }
    str signature = ir_seal_pack(&p->seal, DIALECT_GEMINI, a);
    jw_object(w);
    gemini_media_write(p, w);
    if (signature.n)
        jw_kstr(w, "thoughtSignature", signature);
    jw_object_end(w);
}

str gemini_response_id(const struct answer_ask *ask, str id)
{
    static const str others[] = {S("chatcmpl-"), S("cmpl-"), S("resp_"), S("msg_"), S("gen-")};
    if (!id.n)
        return ask->nonce;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (str_starts(id, others[i]))
            return ask->nonce;
    }
    return str_dup(ask->arena, id);
}
