/*
 * ir/tokens.h: a whole request.
 *
 * What vendors put around the texts is not documented but for OpenAI's messages; the numbers below
 * were read off recorded requests and the usage their answers gave (doc/tokens.md).
 */
#include "ir/request.h"
#include "ir/tokens.h"

#include "base/base64.h"
#include "ir/tokens_shape.h"

static const struct overhead {
    uint16_t base;    /* any request */
    uint16_t message; /* each turn */
    uint16_t tools;   /* once, when there are any: the prompt that explains them */
    uint16_t tool;    /* each */
    uint16_t schema;  /* its JSON, in percent of what the text would cost */
    uint16_t call;    /* each call in the history */
    uint16_t result;  /* each result */
    uint16_t hosted;  /* each hosted tool, whose own prompt we never see */
} overhead_of[TOKEN_FAMILIES] = {
    [TOKENS_O200K] = {3, 4, 12, 4, 60, 6, 6, 300},
    [TOKENS_CL100K] = {3, 4, 12, 4, 60, 6, 6, 300},
    [TOKENS_CLAUDE] = {5, 4, 500, 0, 100, 10, 10, 1500},
    [TOKENS_CLAUDE_47] = {5, 4, 590, 0, 100, 12, 12, 1500},
    [TOKENS_GEMINI] = {0, 0, 10, 0, 70, 15, 15, 0},
};

struct count {
    enum token_family family;
    const struct overhead *over;
    uint64_t sum;
};

static void count_text(struct count *c, str text)
{
    c->sum += tokens_of_text(text, c->family);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/*
 * The tree as if it were text, without writing it: strings, and about a token for what stands
 * between two of them ("," or ":" with quotes). Recursion is bounded by the reader's depth.
 */
static uint64_t json_tokens(yyjson_val *v, enum token_family family)
{
    uint64_t sum = 0;
    size_t i, n;
    yyjson_val *key, *each;
    switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_OBJ:
        yyjson_obj_foreach (v, i, n, key, each)
            sum += 2 + json_tokens(key, family) + json_tokens(each, family);
        return sum + 1;
    case YYJSON_TYPE_ARR:
        yyjson_arr_foreach (v, i, n, each)
            sum += 1 + json_tokens(each, family);
        return sum + 1;
    case YYJSON_TYPE_STR:
        return tokens_of_text(str_of(yyjson_get_str(v), yyjson_get_len(v)), family);
    default: return v ? 1 : 0;
    }
}

/* ---- media ----------------------------------------------------------------------------------- */

/* The first bytes of base64 data, in buf. */
static str head_of(str data, char *buf, size_t size)
{
    size_t n = 0;
    if (!base64_decode(str_head(data, (size - 3) / 3 * 4), buf, &n) && n == 0)
        return str_of(buf, 0);
    return str_of(buf, n);
}

static uint64_t image_tokens(const struct ir_media *m, enum token_family family)
{
    char buf[3 * 1024 * 8 + 3]; /* a JPEG may have a picture of itself before its size */
    uint32_t w = 0, h = 0;
    if (m->data.n)
        (void)image_size(head_of(m->data, buf, sizeof buf), &w, &h);
    return tokens_of_image(family, w, h, str_eq(m->detail, S("low")));
}

/* Where only an address is given, a file of this size is assumed. */
enum { UNSEEN_BYTES = 100000 };

static void count_media(struct count *c, const struct ir_part *part)
{
    const struct ir_media *m = part->media;
    if (m == NULL)
        return;
    uint64_t bytes = m->data.n ? m->data.n / 4 * 3 : UNSEEN_BYTES;
    char buf[64 + 3];
    count_text(c, m->text);
    count_text(c, m->context);
    if (m->text.p)
        return;
    switch (part->kind) {
    case IR_PART_IMAGE: c->sum += image_tokens(m, c->family); break;
    case IR_PART_AUDIO:
        c->sum += tokens_of_audio(c->family, bytes, head_of(m->data, buf, sizeof buf));
        break;
    case IR_PART_VIDEO: c->sum += tokens_of_video(c->family, bytes); break;
    default:
        if (str_starts(ir_media_type(m, S("application/pdf")), S("image/")))
            c->sum += image_tokens(m, c->family);
        else
            c->sum += tokens_of_pdf(c->family, bytes);
    }
}

/* ---- messages -------------------------------------------------------------------------------- */

static void count_parts(struct count *c, const struct ir_part *part);

static void count_part(struct count *c, const struct ir_part *part)
{
    switch (part->kind) {
    case IR_PART_CALL:
        c->sum += c->over->call;
        count_text(c, part->name);
        if (part->args)
            c->sum += json_tokens(part->args, c->family);
        else
            count_text(c, part->text);
        break;
    case IR_PART_RESULT:
        c->sum += c->over->result;
        count_parts(c, part->content);
        break;
    case IR_PART_IMAGE:
    case IR_PART_AUDIO:
    case IR_PART_VIDEO:
    case IR_PART_DOCUMENT: count_media(c, part); break;
    case IR_PART_RAW: c->sum += json_tokens(part->src, c->family); break;
    case IR_PART_SEARCH:
    case IR_PART_CODE:
        count_text(c, part->text);
        count_parts(c, part->content);
        break;
    default: count_text(c, part->text);
    }
}

static void count_parts(struct count *c, const struct ir_part *part)
{
    for (; part; part = part->next)
        count_part(c, part);
}

static void count_tools(struct count *c, const struct ir_tool *tool)
{
    uint64_t json = 0;
    bool own = false;
    for (; tool; tool = tool->next) {
        if (tool->kind != IR_TOOL_FUNCTION && tool->kind != IR_TOOL_CUSTOM) {
            c->sum += c->over->hosted;
            continue;
        }
        own = true;
        c->sum += c->over->tool;
        /* {"name":...,"description":...,"parameters":...} */
        json += 8 + tokens_of_text(tool->name, c->family) +
                tokens_of_text(tool->description, c->family) +
                json_tokens(tool->schema ? tool->schema : tool->grammar, c->family);
    }
    c->sum += json * c->over->schema / 100 + (own ? c->over->tools : 0);
}

uint64_t tokens_of_request(const struct ir_request *rq, enum token_family family)
{
    struct count c = {family, &overhead_of[family], overhead_of[family].base};
    for (const struct ir_message *m = rq->messages; m; m = m->next) {
        c.sum += c.over->message;
        count_text(&c, m->name);
        count_parts(&c, m->parts.first);
    }
    if (rq->choice.kind != IR_CHOICE_NONE)
        count_tools(&c, rq->tools);
    c.sum += json_tokens(rq->format.schema, family) * c.over->schema / 100;
    return c.sum;
}
