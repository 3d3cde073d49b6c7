/*
 * dialect/gemini/format.c - JSON answers: responseMimeType with responseSchema (the message Schema)
 * or responseJsonSchema (generative_service.proto: also spelt _responseJsonSchema).
 */
#include "dialect/gemini/gemini.h"
#include "dialect/gemini/schema/clean.h"

static yyjson_val *json_schema_of(yyjson_val *config)
{
    yyjson_val *v = gemini_get(config, "responseJsonSchema");
    return v ? v : gemini_get(config, "_responseJsonSchema");
}

enum err gemini_format_read(struct ir_request *rq, yyjson_val *config, struct fail *f)
{
    str mime = gemini_get_str(config, "responseMimeType");
    yyjson_val *schema = gemini_get(config, "responseSchema"), *full = json_schema_of(config);
    struct ir_format *format = &rq->format;
    enum err e = schema ? ir_want_object(schema, "generationConfig.responseSchema", f) : OK;
    if (!e && full)
        e = ir_want_object(full, "generationConfig.responseJsonSchema", f);
    if (e)
        return e;
    if (full)
        format->schema = full;
    else if (schema)
        format->schema = gemini_schema_read(schema, rq->arena);
    if (str_eq(mime, S("text/x.enum"))) {
        format->kind = IR_FORMAT_OWN; /* one of the schema's values, bare: no JSON */
        ir_say(rq, CAN_OWN_OPTION);
    } else if (format->schema) {
        format->kind = IR_FORMAT_SCHEMA;
        ir_say(rq, CAN_JSON_SCHEMA);
    } else if (str_eq(mime, S("application/json"))) {
        format->kind = IR_FORMAT_OBJECT;
        ir_say(rq, CAN_JSON_MODE);
    } else if (mime.n) {
        format->kind = IR_FORMAT_TEXT;
    }
    return OK;
}

/* The client's own members again. */
static void write_again(const struct ir_request *rq, struct json_writer *w)
{
    yyjson_val *config = gemini_get(gemini_request_of(rq->src), "generationConfig");
    gemini_again(rq, config, "responseMimeType", w);
    gemini_again(rq, config, "responseSchema", w);
    gemini_again(rq, config, "responseJsonSchema", w);
    gemini_again(rq, config, "_responseJsonSchema", w);
}

static void write_schema(const struct ir_request *rq, const struct gemini_model *model,
                         struct json_writer *w)
{
    if (model->json_schema) {
        jw_key(w, S("responseJsonSchema"));
        gemini_schema_write(rq->format.schema, GEMINI_JSON_SCHEMA, rq->arena, w);
    } else {
        jw_key(w, S("responseSchema"));
        gemini_schema_write(rq->format.schema, GEMINI_SCHEMA, rq->arena, w);
    }
}

/* Before Gemini 3, "Function calling with a response mime type: 'application/json' is unsupported":
 * the functions are what an agent cannot do without. */
void gemini_format_write(const struct ir_request *rq, const struct ir_target *to,
                         struct json_writer *w)
{
    struct gemini_model model = gemini_model_of(to);
    enum ir_format_kind kind = rq->format.kind;
    if (rq->from == DIALECT_GEMINI) {
        write_again(rq, w);
        return;
    }
    if (kind != IR_FORMAT_OBJECT && kind != IR_FORMAT_SCHEMA)
        return;
    if (!model.third && gemini_has_functions(rq)) {
        gemini_lose(rq, to, kind == IR_FORMAT_SCHEMA ? CAN_JSON_SCHEMA : CAN_JSON_MODE);
        return;
    }
    jw_kstr(w, "responseMimeType", S("application/json"));
    if (kind == IR_FORMAT_SCHEMA && rq->format.schema)
        write_schema(rq, &model, w);
}
