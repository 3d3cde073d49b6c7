/*
 * dialect/gemini/logprobs.c - logprobsResult and chat's array of tokens: the same numbers, beside
 * each other in the one and in two lists in the other.
 */
#include "dialect/gemini/gemini.h"

static void write_bytes(struct json_writer *w, str token)
{
    jw_key(w, S("bytes"));
    jw_array(w);
    for (size_t i = 0; i < token.n; i++)
        jw_u64(w, (unsigned char)token.p[i]);
    jw_array_end(w);
}

static void write_token(struct json_writer *w, yyjson_val *v)
{
    str token = gemini_get_str(v, "token"), p = jv_num(gemini_get(v, "logProbability"));
    jw_kstr(w, "token", token);
    jw_key(w, S("logprob"));
    jw_raw(w, p.n ? p : S("0"));
    write_bytes(w, token);
}

static void write_top(struct json_writer *w, yyjson_val *candidates)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(candidates);
    jw_key(w, S("top_logprobs"));
    jw_array(w);
    for (yyjson_val *c; (c = yyjson_arr_iter_next(&it));) {
        jw_object(w);
        write_token(w, c);
        jw_object_end(w);
    }
    jw_array_end(w);
}

yyjson_val *gemini_logprobs_read(yyjson_val *v, struct arena *a)
{
    yyjson_val *chosen = gemini_get(v, "chosenCandidates"), *list = NULL, *c;
    yyjson_arr_iter it = yyjson_arr_iter_with(chosen);
    yyjson_arr_iter top = yyjson_arr_iter_with(gemini_get(v, "topCandidates"));
    struct buf out;
    if (yyjson_arr_size(chosen) == 0)
        return NULL;
    buf_init(&out, SIZE_MAX / 2);
    struct json_writer w = json_writer(&out);
    jw_array(&w);
    while ((c = yyjson_arr_iter_next(&it))) {
        jw_object(&w);
        write_token(&w, c);
        write_top(&w, gemini_get(yyjson_arr_iter_next(&top), "candidates"));
        jw_object_end(&w);
    }
    jw_array_end(&w);
    if (json_read(buf_str(&out), a, &list, NULL) != OK)
        list = NULL;
    buf_fini(&out);
    return list;
}

static void write_candidate(struct json_writer *w, yyjson_val *v)
{
    str p = jv_num(jv_get(v, "logprob"));
    jw_object(w);
    jw_kstr(w, "token", jv_get_str(v, "token"));
    if (p.n) {
        jw_key(w, S("logProbability"));
        jw_raw(w, p);
    }
    jw_object_end(w);
}

void gemini_logprobs_write(yyjson_val *list, struct json_writer *w)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list), again = it;
    jw_object(w);
    jw_key(w, S("chosenCandidates"));
    jw_array(w);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));)
        write_candidate(w, v);
    jw_array_end(w);
    jw_key(w, S("topCandidates"));
    jw_array(w);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&again));) {
        yyjson_arr_iter top = yyjson_arr_iter_with(jv_get(v, "top_logprobs"));
        jw_object(w);
        jw_key(w, S("candidates"));
        jw_array(w);
        for (yyjson_val *t; (t = yyjson_arr_iter_next(&top));)
            write_candidate(w, t);
        jw_array_end(w);
        jw_object_end(w);
    }
    jw_array_end(w);
    jw_object_end(w);
}
