/* dialect/openai_chat/usage.c - token counts (SPEC 5.9). */
#include "dialect/openai_chat/answers.h"

/* obj[first of the names that is a number], or -1. */
static int64_t count(yyjson_val *obj, const char *const *names)
{
    for (; *names; names++) {
        int64_t n = jv_get_i64(obj, *names, -1);
        if (n >= 0)
            return n;
    }
    return -1;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/*
 * Two vendors' totals say more than their parts: xAI counts reasoning beside completion_tokens,
 * Mistral audio beside prompt_tokens (both recorded). What is missing goes where it belongs.
 */
static void mend(yyjson_val *v, yyjson_val *prompt, struct usage *u)
{
    int64_t missing = jv_get_i64(v, "total_tokens", -1) - u->input - u->output;
    if (u->input < 0 || u->output < 0 || missing <= 0)
        return;
    if (missing == u->reasoning)
        u->output += missing;
    else if (missing == jv_get_i64(prompt, "audio_tokens", -1))
        u->input += missing;
}

bool chat_usage_read(yyjson_val *v, struct usage *u)
{
    static const char *const input[] = {"prompt_tokens", "input_tokens", NULL},
                             *const output[] = {"completion_tokens", "output_tokens", NULL},
                             *const cached[] = {"cached_tokens", NULL},
                             /* DeepSeek, Moonshot, Anthropic's through gateways */
                                 *const beside[] = {"prompt_cache_hit_tokens", "cached_tokens",
                                                    "cache_read_input_tokens", NULL},
                             *const written[] = {"cache_write_tokens", "cached_creation_tokens",
                                                 "cache_creation_tokens", NULL},
                             *const created[] = {"cache_creation_input_tokens", NULL},
                             *const reasoning[] = {"reasoning_tokens", NULL};
    yyjson_val *prompt = jv_get(v, "prompt_tokens_details");
    yyjson_val *completion = jv_get(v, "completion_tokens_details");
    if (!yyjson_is_obj(v))
        return false;
    *u = USAGE_NONE;
    u->input = count(v, input);
    u->output = count(v, output);
    u->cached = larger(count(prompt, cached), count(v, beside));
    u->cache_write = larger(count(prompt, written), count(v, created));
    u->reasoning = larger(count(completion, reasoning), count(v, reasoning));
    mend(v, prompt, u);
    return true;
}

static void put_count(struct json_writer *w, str key, int64_t n)
{
    jw_key(w, key);
    jw_i64(w, n > 0 ? n : 0);
}

/* prompt + completion == total, always. cached_creation_tokens is SPEC's name for what the API has
 * come to call cache_write_tokens. */
void chat_usage_write(struct json_writer *w, const struct usage *u)
{
    int64_t input = larger(u->input, 0), output = larger(u->output, 0);
    jw_object(w);
    put_count(w, S("prompt_tokens"), input);
    put_count(w, S("completion_tokens"), output);
    put_count(w, S("total_tokens"), input > INT64_MAX - output ? INT64_MAX : input + output);
    jw_key(w, S("prompt_tokens_details"));
    jw_object(w);
    put_count(w, S("cached_tokens"), u->cached);
    if (u->cache_write >= 0) {
        put_count(w, S("cache_write_tokens"), u->cache_write);
        put_count(w, S("cached_creation_tokens"), u->cache_write);
    }
    jw_object_end(w);
    jw_key(w, S("completion_tokens_details"));
    jw_object(w);
    put_count(w, S("reasoning_tokens"), u->reasoning);
    jw_object_end(w);
    jw_object_end(w);
}
