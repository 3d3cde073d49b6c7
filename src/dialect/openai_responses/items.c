/*
 * dialect/openai_responses/items.c - items that stand in requests as history and in answers as
 * output, read into parts.
 */
#include "dialect/openai_responses/responses.h"

void responses_media_url(struct ir_media *m, str url)
{
    if (!ir_data_url(url, &m->mime, &m->data))
        m->url = url;
}

/* ---- searches ---- */

static void add_source(struct ir_part *p, struct ir_citation ***end, yyjson_val *src,
                       struct arena *a)
{
    struct ir_citation *c = arena_new(a, struct ir_citation);
    *c = (struct ir_citation){.url = jv_get_str(src, "url"),
                              .title = jv_get_str(src, "title"),
                              .start = -1,
                              .end = -1,
                              .src = src};
    if (!c->url.n)
        return;
    **end = c;
    *end = &c->next;
    (void)p;
}

static void add_sources(struct ir_part *p, yyjson_val *sources, struct arena *a)
{
    struct ir_citation **end = &p->citations;
    yyjson_arr_iter it = yyjson_arr_iter_with(sources);
    for (yyjson_val *s; (s = yyjson_arr_iter_next(&it));)
        add_source(p, &end, s, a);
}

/* The query; where there are only queries, the first. */
static str query_of(yyjson_val *action)
{
    str query = jv_get_str(action, "query");
    return query.n ? query : jv_str(yyjson_arr_get_first(jv_get(action, "queries")));
}

void responses_search(struct ir_part *p, yyjson_val *item, struct arena *a)
{
    yyjson_val *action = jv_get(item, "action");
    str type = jv_get_str(action, "type");
    p->id = jv_get_str(item, "id");
    p->src = item;
    if (str_eq(type, S("open_page")) || str_eq(type, S("find_in_page"))) {
        p->name = S("web_fetch");
        p->text = jv_get_str(action, "url");
        return;
    }
    p->name = S("web_search");
    p->text = query_of(action);
    add_sources(p, jv_get(action, "sources"), a);
}

/* ---- code ---- */

static void add_output(struct ir_parts *l, yyjson_val *output, struct arena *a)
{
    str type = jv_get_str(output, "type");
    if (str_eq(type, S("logs"))) {
        struct ir_part *text = ir_parts_add(l, a, IR_PART_TEXT);
        text->text = jv_get_str(output, "logs");
        text->src = output;
    } else if (str_eq(type, S("image"))) {
        struct ir_part *image = ir_parts_add(l, a, IR_PART_IMAGE);
        image->media = arena_new(a, struct ir_media);
        responses_media_url(image->media, jv_get_str(output, "url"));
        image->src = output;
    }
}

void responses_code(struct ir_part *p, yyjson_val *item, struct arena *a)
{
    struct ir_parts output;
    ir_parts_init(&output);
    yyjson_arr_iter it = yyjson_arr_iter_with(jv_get(item, "outputs"));
    for (yyjson_val *o; (o = yyjson_arr_iter_next(&it));)
        add_output(&output, o, a);
    p->id = jv_get_str(item, "id");
    p->name = S("python");
    p->text = jv_get_str(item, "code");
    p->content = output.first;
    p->src = item;
}

/* ---- images ---- */

bool responses_image(struct ir_part *p, yyjson_val *item, struct arena *a)
{
    str data = jv_get_str(item, "result"), format = jv_get_str(item, "output_format");
    if (!data.n)
        return false;
    p->id = jv_get_str(item, "id");
    p->src = item;
    p->media = arena_new(a, struct ir_media);
    /* Bare base64, but some gateways put a data: URL there. */
    if (!ir_data_url(data, &p->media->mime, &p->media->data)) {
        p->media->data = data;
        if (format.n)
            p->media->mime = str_join(a, (str[]){S("image/"), format}, 2);
        else
            p->media->mime = ir_media_type(p->media, S("image/png"));
    }
    return true;
}

/* ---- reasoning ---- */

/* The texts of a list of summary_text or reasoning_text; SPEC 5.1 joins them by a blank line. */
static str joined(yyjson_val *list, struct arena *a)
{
    size_t n = yyjson_arr_size(list), parts = 0;
    if (n == 1)
        return jv_get_str(yyjson_arr_get_first(list), "text");
    str *texts = arena_array(a, str, n * 2 + 1);
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));) {
        str text = jv_get_str(e, "text");
        if (!text.n)
            continue;
        if (parts)
            texts[parts++] = S("\n\n");
        texts[parts++] = text;
    }
    return parts ? str_join(a, texts, parts) : S("");
}

void responses_reasoning(struct ir_part *p, yyjson_val *item, struct arena *a)
{
    p->text = joined(jv_get(item, "summary"), a);
    if (!p->text.n)
        p->text = joined(jv_get(item, "content"), a);
    p->id = jv_get_str(item, "id");
    p->seal = ir_seal_unpack(jv_get_str(item, "encrypted_content"), DIALECT_RESPONSES, a);
    if (p->seal.issuer == DIALECT_RESPONSES) {
        p->seal.id = p->id;
    } else if (str_eq(p->seal.id, SEAL_REDACTED)) {
        p->redacted = true;
        p->seal.id = S("");
    }
    p->src = item;
}

/* ---- annotations ---- */

void responses_citation(struct ir_citation *c, yyjson_val *annotation)
{
    str title = jv_get_str(annotation, "title");
    *c = (struct ir_citation){
        .url = jv_get_str(annotation, "url"),
        .title = title.n ? title : jv_get_str(annotation, "filename"),
        .file_id = jv_get_str(annotation, "file_id"),
        .start = jv_get_i64(annotation, "start_index", -1),
        .end = jv_get_i64(annotation, "end_index", -1),
        .src = annotation,
    };
}
