/*
 * dialect/gemini/members.c - members in either spelling, and what depends on the model's name.
 */
#include "dialect/gemini/gemini.h"

yyjson_val *gemini_get(yyjson_val *obj, const char *name)
{
    yyjson_val *found = NULL;
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    str exact = str_c(name);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        str key = jv_str(k);
        /* Both spellings begin alike. */
        if (key.n < exact.n || key.p[0] != name[0] || yyjson_is_null(v))
            continue;
        if (str_eq(key, exact))
            return v;
        if (ir_key_is(key, name))
            found = v;
    }
    return found;
}

str gemini_get_str(yyjson_val *obj, const char *name)
{
    return jv_str(gemini_get(obj, name));
}

bool gemini_again(const struct ir_request *rq, yyjson_val *obj, const char *name,
                  struct json_writer *w)
{
    yyjson_val *v = rq->from == DIALECT_GEMINI ? gemini_get(obj, name) : NULL;
    if (!v)
        return false;
    jw_key(w, str_c(name));
    jw_value(w, v);
    return true;
}

void gemini_lose(const struct ir_request *rq, const struct ir_target *to, enum ir_feature f)
{
    ir_target_lose(to, ir_feature_name(f, codec_get(rq->from)->fates));
}

/* "2.5" behind "gemini-"; 0 when the name has no number. Tenths. */
static unsigned version_of(str name)
{
    str rest = str_from(name, 7), minor = S("");
    size_t n = 0;
    while (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
        n++;
    if (n == 0 || n > 2)
        return 0;
    if (n + 1 < rest.n && rest.p[n] == '.')
        minor = str_from(rest, n + 1);
    unsigned tenths = 0;
    for (size_t i = 0; i < n; i++)
        tenths = tenths * 10 + (unsigned)(rest.p[i] - '0');
    tenths *= 10;
    return tenths +
           (minor.n && minor.p[0] >= '0' && minor.p[0] <= '9' ? (unsigned)(minor.p[0] - '0') : 0);
}

/*
 * Names without a number ("gemini-flash-latest") are of the newest models: they move on.
 *
 * Penalties: "Penalty is not enabled for this model", from 2.5 on; Vertex AI still takes them of
 * 2.5 (google-gemini/cookbook issue 1290, July 2026; recorded exchange of gemini-2.5-pro on Vertex
 * AI).
 */
struct gemini_model gemini_model_of(const struct ir_target *to)
{
    str name = to->model;
    size_t slash = str_find_last(name, '/');
    if (slash < name.n)
        name = str_from(name, slash + 1);
    if (!str_starts_nocase(name, S("gemini-")) || str_eq_nocase(name, S("gemini-pro")) ||
        str_eq_nocase(name, S("gemini-pro-vision")))
        return (struct gemini_model){.penalties = true,
                                     .gemma = str_starts_nocase(name, S("gemma-"))};
    unsigned version = version_of(name);
    bool newest = version == 0 || version >= 30;
    return (struct gemini_model){
        .json_schema = (newest || version >= 25) && !to->is_compat,
        .third = newest,
        .penalties = !newest && (version < 25 || to->vertex),
    };
}
