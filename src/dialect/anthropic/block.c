/*
 * dialect/anthropic/block.c - content blocks: their members, and the blocks of hosted tools.
 */
#include "dialect/anthropic/priv.h"

static const struct member {
    str key;
    size_t at;
} members[] = {
#define MEMBER(key, name)                                                 \
    {                                                                     \
        {"" key, sizeof(key) - 1}, offsetof(struct anthropic_block, name) \
    }
    MEMBER("type", type),
    MEMBER("text", text),
    MEMBER("tool_use_id", use_id),
    MEMBER("content", content),
    MEMBER("id", id),
    MEMBER("name", name),
    MEMBER("input", input),
    MEMBER("cache_control", cache),
    MEMBER("is_error", is_error),
    MEMBER("source", source),
    MEMBER("thinking", thinking),
    MEMBER("signature", signature),
    MEMBER("data", data),
    MEMBER("title", title),
    MEMBER("context", context),
    MEMBER("citations", citations),
#undef MEMBER
};

void anthropic_block(yyjson_val *obj, struct anthropic_block *b)
{
    *b = (struct anthropic_block){.src = obj};
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        size_t i = 0, n = sizeof members / sizeof members[0];
        if (yyjson_is_null(v))
            continue;
        while (i < n && !str_eq(jv_str(k), members[i].key))
            i++;
        if (i < n)
            *(yyjson_val **)((char *)b + members[i].at) = v;
        else
            b->others = true;
    }
}

/* ---- hosted tools: reading ---- */

static struct ir_citation *add_page(struct ir_citation **end, str url, str title, struct arena *a)
{
    struct ir_citation *c = arena_new(a, struct ir_citation);
    *c = (struct ir_citation){.url = url, .title = title, .start = -1, .end = -1};
    *end = c;
    return c;
}

/* content: a list of web_search_result, or an object that tells the error. */
static void read_search(const struct anthropic_block *b, yyjson_val *input, struct ir_part *p,
                        struct arena *a)
{
    struct ir_citation **end = &p->citations;
    size_t i, n;
    yyjson_val *v;
    p->kind = IR_PART_SEARCH;
    p->name = S("web_search");
    p->text = jv_get_str(input, "query");
    yyjson_arr_foreach (b->content, i, n, v) {
        if (jv_get_str(v, "url").n)
            end = &add_page(end, jv_get_str(v, "url"), jv_get_str(v, "title"), a)->next;
    }
}

static void read_fetch(const struct anthropic_block *b, yyjson_val *input, struct ir_part *p,
                       struct arena *a)
{
    str url = jv_get_str(b->content, "url");
    p->kind = IR_PART_SEARCH;
    p->name = S("web_fetch");
    p->text = jv_get_str(input, "url");
    if (url.n)
        add_page(&p->citations, url, jv_get_str(jv_get(b->content, "content"), "title"), a);
}

static void add_output(struct ir_parts *list, str text, struct arena *a)
{
    if (text.n)
        ir_parts_add(list, a, IR_PART_TEXT)->text = text;
}

static void read_code(const struct anthropic_block *b, yyjson_val *input, struct ir_part *p,
                      struct arena *a)
{
    struct ir_parts output;
    bool shell = str_starts(jv_str(b->type), S("bash_"));
    ir_parts_init(&output);
    p->kind = IR_PART_CODE;
    p->name = shell ? S("bash") : S("python");
    p->text = jv_get_str(input, shell ? "command" : "code");
    add_output(&output, jv_get_str(b->content, "stdout"), a);
    add_output(&output, jv_get_str(b->content, "stderr"), a);
    add_output(&output, jv_get_str(b->content, "error_code"), a);
    p->content = output.first;
}

bool anthropic_read_hosted(const struct anthropic_block *b, yyjson_val *call, struct ir_part *p,
                           struct arena *a)
{
    static const struct {
        const char *type;
        void (*read)(const struct anthropic_block *b, yyjson_val *input, struct ir_part *p,
                     struct arena *a);
    } kinds[] = {{"web_search_tool_result", read_search},
                 {"web_fetch_tool_result", read_fetch},
                 {"code_execution_tool_result", read_code},
                 {"bash_code_execution_tool_result", read_code}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!str_eq(jv_str(b->type), str_c(kinds[i].type)))
            continue;
        kinds[i].read(b, jv_get(call, "input"), p, a);
        p->id = jv_str(b->use_id);
        p->src = b->src;
        return true;
    }
    return false;
}

/* ---- hosted tools: writing what another provider did ---- */

static bool is_fetch(const struct ir_part *p)
{
    return p->kind == IR_PART_SEARCH && str_eq(p->name, S("web_fetch"));
}

static str tool_of(const struct ir_part *p)
{
    if (p->kind == IR_PART_CODE)
        return S("code_execution");
    return is_fetch(p) ? S("web_fetch") : S("web_search");
}

static void write_input(const struct ir_part *p, struct json_writer *w)
{
    jw_object(w);
    jw_key(w, p->kind == IR_PART_CODE ? S("code") : is_fetch(p) ? S("url") : S("query"));
    jw_str(w, p->text);
    jw_object_end(w);
}

str anthropic_hosted_input(const struct ir_part *p, struct arena *a)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    struct json_writer w = json_writer(&out);
    write_input(p, &w);
    str text = str_dup(a, buf_str(&out));
    buf_fini(&out);
    return text;
}

void anthropic_write_hosted_call(const struct ir_part *p, str id, bool whole, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "type", S("server_tool_use"));
    jw_kstr(w, "id", id);
    jw_kstr(w, "name", tool_of(p));
    jw_key(w, S("input"));
    if (whole)
        write_input(p, w);
    else
        jw_raw(w, S("{}"));
    jw_object_end(w);
}

static void write_pages(const struct ir_part *p, struct json_writer *w)
{
    jw_array(w);
    for (const struct ir_citation *c = p->citations; c; c = c->next) {
        jw_object(w);
        jw_kstr(w, "type", S("web_search_result"));
        jw_kstr(w, "url", c->url);
        jw_kstr(w, "title", c->title.n ? c->title : c->url);
        jw_kstr(w, "encrypted_content", S(""));
        jw_knull(w, "page_age");
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void write_fetched(const struct ir_part *p, struct json_writer *w)
{
    const struct ir_citation *page = p->citations;
    jw_object(w);
    jw_kstr(w, "type", S("web_fetch_result"));
    jw_kstr(w, "url", page ? page->url : p->text);
    jw_kraw(w, "content",
            S("{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
              "\"data\":\"\"}}"));
    jw_object_end(w);
}

static void write_output(const struct ir_part *p, struct arena *a, struct json_writer *w)
{
    jw_object(w);
    jw_kstr(w, "type", S("code_execution_result"));
    jw_kstr(w, "stdout", ir_result_text(p, a));
    jw_kstr(w, "stderr", S(""));
    jw_ki64(w, "return_code", 0);
    jw_kraw(w, "content", S("[]"));
    jw_object_end(w);
}

void anthropic_write_hosted_result(const struct ir_part *p, str id, struct arena *a,
                                   struct json_writer *w)
{
    jw_object(w);
    jw_key(w, S("type"));
    if (p->kind == IR_PART_CODE)
        jw_str(w, S("code_execution_tool_result"));
    else
        jw_str(w, is_fetch(p) ? S("web_fetch_tool_result") : S("web_search_tool_result"));
    jw_kstr(w, "tool_use_id", id);
    jw_key(w, S("content"));
    if (p->kind == IR_PART_CODE)
        write_output(p, a, w);
    else if (is_fetch(p))
        write_fetched(p, w);
    else
        write_pages(p, w);
    jw_object_end(w);
}
