/*
 * dialect/openai_chat/errors.c - errors, as bodies and inside streams.
 *
 * The API's form is {"error":{"message","type","param","code"}}. Others: the error as a string;
 * without the member around it (vLLM); {"detail":...} (Mistral and all on FastAPI); an array with
 * one (Google); numbers for codes, which are HTTP statuses (OpenRouter, Google).
 */
#include "dialect/openai_chat/answers.h"

/* SPEC 5.10 */
static const struct {
    int status;
    const char *type, *code;
} kinds[] = {
    {400, "invalid_request_error", NULL},
    {401, "authentication_error", "invalid_api_key"},
    {403, "permission_error", "insufficient_quota"},
    {404, "invalid_request_error", "model_not_found"},
    {429, "rate_limit_error", "rate_limit_exceeded"},
    {500, "server_error", "internal_server_error"},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const struct {
    const char *word;
    int status;
} words[] = {
    {"invalid_request_error", 400}, {"authentication_error", 401},  {"invalid_api_key", 401},
    {"permission_error", 403},      {"not_found_error", 404},       {"model_not_found", 404},
    {"rate_limit_error", 429},      {"rate_limit_exceeded", 429},   {"insufficient_quota", 429},
    {"server_error", 500},          {"internal_server_error", 500}, {"api_error", 500},
    {"overloaded_error", 503},      {"service_unavailable", 503},   {"timeout", 504},
};

/* What the words of the error stand for; 502 when they say nothing. */
static int status_of(const struct ir_error *e)
{
    uint64_t n;
    if (str_u64(e->code, &n) && n >= 400 && n < 600)
        return (int)n;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_eq(e->code, str_c(words[i].word)) || str_eq(e->type, str_c(words[i].word)))
            return words[i].status;
    }
    return 502;
}

static str text_of(yyjson_val *v)
{
    return yyjson_is_raw(v) ? jv_num(v) : jv_str(v);
}

/* The first of the members that is a text. */
static str first_text(yyjson_val *obj, const char *const *names)
{
    for (; *names; names++) {
        str s = jv_get_str(obj, *names);
        if (s.n)
            return s;
    }
    return (str){NULL, 0};
}

/* FastAPI: "detail" is a text, or a list of {"msg"}. */
static str detail_of(yyjson_val *root)
{
    yyjson_val *detail = jv_get(root, "detail");
    if (yyjson_is_arr(detail))
        return jv_get_str(yyjson_arr_get_first(detail), "msg");
    return yyjson_is_obj(detail) ? jv_get_str(detail, "message") : jv_str(detail);
}

static bool is_bare(yyjson_val *root)
{
    if (!yyjson_is_obj(root) || jv_get(root, "choices"))
        return false;
    return jv_is(jv_get(root, "object"), "error") || jv_is(jv_get(root, "type"), "error") ||
           jv_get(root, "detail") || (jv_get_str(root, "message").n && jv_get(root, "code"));
}

bool chat_read_error(yyjson_val *root, int status, struct ir_error *out)
{
    static const char *const messages[] = {"message", "msg", "error", NULL};
    *out = (struct ir_error){.status = status};
    if (yyjson_is_arr(root))
        root = yyjson_arr_get_first(root);
    yyjson_val *error = jv_get(root, "error");
    if (!error && !is_bare(root))
        return false;
    if (yyjson_is_str(error)) {
        out->message = jv_str(error);
        out->type = jv_get_str(root, "type");
    } else {
        error = yyjson_is_obj(error) ? error : root;
        out->message = first_text(error, messages);
        out->type = jv_get_str(error, "type");
        out->code = text_of(jv_get(error, "code"));
        out->param = jv_get_str(error, "param");
        if (!out->code.n)
            out->code = jv_get_str(error, "status"); /* Google */
    }
    if (!out->message.n)
        out->message = detail_of(root);
    if (!out->message.n)
        out->message = S("the provider reports an error without a message");
    if (out->status < 400)
        out->status = status_of(out);
    return true;
}

static size_t kind_of(int status)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].status == status)
            return i;
    }
    return status >= 500 ? KINDS - 1 : 0;
}

/* A type of the API, or of a copy that says it like this. */
static bool is_type(str type)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (str_eq(type, str_c(kinds[i].type)))
            return true;
    }
    return false;
}

void chat_error_write(struct json_writer *w, const struct ir_error *e)
{
    size_t kind = kind_of(e->status);
    str code = e->code.n ? e->code : str_c(kinds[kind].code);
    jw_object(w);
    jw_key(w, S("error"));
    jw_object(w);
    jw_kstr(w, "message", e->message);
    jw_kstr(w, "type", is_type(e->type) ? e->type : str_c(kinds[kind].type));
    jw_key(w, S("param"));
    if (e->param.n)
        jw_str(w, e->param);
    else
        jw_null(w);
    jw_key(w, S("code"));
    if (code.n)
        jw_str(w, code);
    else
        jw_null(w);
    jw_object_end(w);
    jw_object_end(w);
}
