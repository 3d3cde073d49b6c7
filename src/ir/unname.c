/*
 * ir/unname.c - the answer's side of ir/names.h: calls get their names back, and {"input": "..."}
 * becomes the text of a custom tool, piece by piece as it comes.
 *
 * The reader of that object is a machine over bytes that can stop anywhere, also inside an escape.
 * Models do not always keep to the schema: until `input` has begun, what came is held back (up to a
 * bound), so that arguments without it still reach the client in some form.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "ir/names.h"
#include "json/read.h"

/* OPEN_MAX_CALLS: calls beyond that, open side by side, keep their JSON. */
enum { HELD_MAX = 256 * 1024, OPEN_MAX_CALLS = 64, KEY_MAX = 8, TEXT_MAX = 1 << 30 };

enum step {
    BEFORE,     /* the opening brace */
    BEFORE_KEY, /* or the closing brace */
    KEY,
    KEY_ESCAPE, /* then it is none we know */
    COLON,
    BEFORE_VALUE,
    SKIP, /* the value of another member */
    SKIP_STRING,
    SKIP_ESCAPE,
    TEXT, /* the value of `input` */
    TEXT_ESCAPE,
    TEXT_HEX,
    OVER, /* all that counts has come */
    RAW   /* this is no such object: everything goes on as it is */
};

struct decoder {
    struct decoder *next;
    unsigned choice, index;
    enum step step;
    struct buf held; /* all that came, until `input` begins */
    char key[KEY_MAX];
    size_t key_n;
    unsigned depth;             /* SKIP: containers open */
    unsigned hex, digits, high; /* a \u escape; the first half of a surrogate pair, or 0 */
};

struct ir_unname {
    struct arena *arena;
    const struct ir_names *names;
    ir_emit_fn *next;
    void *arg;
    struct decoder *open, *unused;
    unsigned made;  /* decoders in both lists */
    struct buf out; /* text decoded from the delta at hand */
};

struct ir_unname *ir_unname_new(struct arena *a, const struct ir_names *names, ir_emit_fn *next,
                                void *arg)
{
    struct ir_unname *u = arena_new(a, struct ir_unname);
    *u = (struct ir_unname){.arena = a, .names = names, .next = next, .arg = arg};
    buf_init(&u->out, TEXT_MAX);
    return u;
}

void ir_unname_free(struct ir_unname *u)
{
    buf_fini(&u->out);
    for (struct decoder *d = u->open; d; d = d->next)
        buf_fini(&d->held);
    for (struct decoder *d = u->unused; d; d = d->next)
        buf_fini(&d->held);
}

/* ---- the text inside the string ---- */

static void put_utf8(struct buf *out, unsigned c)
{
    char p[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        p[i] = (char)(0x80 | (c & 0x3f));
    p[0] = (char)(lead[n] | c);
    buf_put(out, str_of(p, n));
}

static const unsigned REPLACEMENT = 0xfffd;

/* Half a pair with nothing behind it. */
static void end_pair(struct decoder *d, struct buf *out)
{
    if (d->high)
        put_utf8(out, REPLACEMENT);
    d->high = 0;
}

/* The four digits of \u are there. */
static void put_unit(struct decoder *d, struct buf *out)
{
    unsigned c = d->hex;
    d->step = TEXT;
    if (c >= 0xdc00 && c < 0xe000) {
        put_utf8(out, d->high ? 0x10000 + ((d->high - 0xd800) << 10) + (c - 0xdc00) : REPLACEMENT);
        d->high = 0;
        return;
    }
    end_pair(d, out);
    if (c >= 0xd800 && c < 0xdc00)
        d->high = c;
    else
        put_utf8(out, c);
}

static void text_escape(struct decoder *d, char c, struct buf *out)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const char *at = c ? strchr(letters, c) : NULL;
    if (c == 'u') {
        d->step = TEXT_HEX;
        d->hex = d->digits = 0;
        return;
    }
    end_pair(d, out);
    buf_put_char(out, at ? meant[at - letters] : c);
    d->step = TEXT;
}

static void text_hex(struct decoder *d, char c, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, ascii_lower(c)) : NULL;
    if (!at) { /* no such escape exists; the character is the next one */
        end_pair(d, out);
        put_utf8(out, REPLACEMENT);
        d->step = c == '"' ? OVER : TEXT;
        if (c != '"')
            buf_put_char(out, c);
        return;
    }
    d->hex = d->hex << 4 | (unsigned)(at - digits);
    if (++d->digits == 4)
        put_unit(d, out);
}

/* A run without quotes and escapes goes in one piece. */
static size_t text_run(struct decoder *d, str s, struct buf *out)
{
    size_t n = 0;
    while (n < s.n && s.p[n] != '"' && s.p[n] != '\\')
        n++;
    if (n)
        end_pair(d, out);
    buf_put(out, str_head(s, n));
    if (n == s.n)
        return n;
    if (s.p[n] == '"') {
        end_pair(d, out);
        d->step = OVER;
    } else {
        d->step = TEXT_ESCAPE;
    }
    return n + 1;
}

/* ---- around it ---- */

static void give_up(struct decoder *d, struct buf *out)
{
    buf_put(out, buf_str(&d->held));
    buf_clear(&d->held);
    d->step = RAW;
}

static bool is_input(const struct decoder *d)
{
    return str_eq(str_of(d->key, d->key_n), S("input"));
}

static void on_key(struct decoder *d, char c)
{
    if (c == '"')
        d->step = COLON;
    else if (c == '\\')
        d->step = KEY_ESCAPE;
    else if (d->key_n < KEY_MAX)
        d->key[d->key_n++] = c;
}

static void on_value(struct decoder *d, char c, struct buf *out)
{
    bool text = c == '"';
    if (is_input(d) && text) {
        buf_clear(&d->held);
        d->step = TEXT;
        return;
    }
    d->step = text ? SKIP_STRING : SKIP;
    d->depth = c == '{' || c == '[';
    if (c == ',' || c == '}' || c == ']' || c == ':')
        give_up(d, out);
}

static void on_skip(struct decoder *d, char c)
{
    if (c == '"')
        d->step = SKIP_STRING;
    else if (c == '{' || c == '[')
        d->depth++;
    else if (d->depth && (c == '}' || c == ']'))
        d->depth--;
    else if (!d->depth && c == ',')
        d->step = BEFORE_KEY;
    else if (!d->depth && (c == '}' || c == ']'))
        d->step = OVER;
}

/* One byte that may be held back. */
static void on_byte(struct decoder *d, char c, struct buf *out)
{
    bool space = ascii_space(c);
    switch (d->step) {
    case BEFORE:
        if (c == '{')
            d->step = BEFORE_KEY;
        else if (!space)
            give_up(d, out);
        break;
    case BEFORE_KEY:
        d->key_n = 0;
        if (c == '"')
            d->step = KEY;
        else if (c == '}')
            d->step = OVER;
        else if (!space)
            give_up(d, out);
        break;
    case KEY: on_key(d, c); break;
    case KEY_ESCAPE:
        d->key_n = KEY_MAX;
        d->step = KEY;
        break;
    case COLON:
        if (c == ':')
            d->step = BEFORE_VALUE;
        else if (!space)
            give_up(d, out);
        break;
    case BEFORE_VALUE:
        if (!space)
            on_value(d, c, out);
        break;
    case SKIP: on_skip(d, c); break;
    case SKIP_STRING:
        if (c == '"' || c == '\\')
            d->step = c == '"' ? SKIP : SKIP_ESCAPE;
        break;
    case SKIP_ESCAPE: d->step = SKIP_STRING; break;
    default: break;
    }
}

/* Whether everything may still turn out to be without `input`, or to be no object. */
static bool holding(const struct decoder *d)
{
    return d->step < TEXT;
}

static size_t feed_held(struct decoder *d, str s, struct buf *out)
{
    buf_put_char(&d->held, s.p[0]);
    on_byte(d, s.p[0], out);
    if (holding(d) && d->held.n >= HELD_MAX)
        give_up(d, out);
    return 1;
}

static void feed(struct decoder *d, str s, struct buf *out)
{
    while (s.n && d->step != OVER) {
        size_t n = 1;
        switch (d->step) {
        case TEXT: n = text_run(d, s, out); break;
        case TEXT_ESCAPE: text_escape(d, s.p[0], out); break;
        case TEXT_HEX: text_hex(d, s.p[0], out); break;
        case RAW:
            buf_put(out, s);
            n = s.n;
            break;
        default: n = feed_held(d, s, out); break;
        }
        s = str_from(s, n);
    }
    /* Behind an object without `input` there may be anything; it is held with the rest. */
    if (s.n && d->held.n && d->held.n + s.n <= HELD_MAX)
        buf_put(&d->held, s);
}

/* Of an object without a string `input`: that member, whatever it is; the text of the only member;
 * of {} nothing. Else all there was. */
static str text_without_input(str held, struct arena *scratch)
{
    yyjson_val *root;
    if (json_read(held, scratch, &root, NULL) != OK || !yyjson_is_obj(root))
        return held;
    yyjson_obj_iter it = yyjson_obj_iter_with(root);
    yyjson_val *first = yyjson_obj_iter_get_val(yyjson_obj_iter_next(&it));
    yyjson_val *input = yyjson_obj_get(root, "input");
    if (!first)
        return S("");
    if (yyjson_is_str(input) || (yyjson_obj_size(root) == 1 && yyjson_is_str(first)))
        return jv_str(input ? input : first);
    return input ? json_text_of(input, scratch) : held;
}

/* The arguments are over. */
static void settle(struct decoder *d, struct buf *out)
{
    struct arena scratch;
    end_pair(d, out);
    if (!d->held.n)
        return;
    arena_init(&scratch);
    buf_put(out, text_without_input(buf_str(&d->held), &scratch));
    arena_fini(&scratch);
    buf_clear(&d->held);
}

/* ---- events ---- */

static struct decoder **decoder_at(struct ir_unname *u, const struct ir_event *e)
{
    struct decoder **at = &u->open;
    while (*at && ((*at)->choice != e->choice || (*at)->index != e->index))
        at = &(*at)->next;
    return *at ? at : NULL;
}

static void pass(struct ir_unname *u, const struct ir_event *e)
{
    u->next(u->arg, e);
}

/* What was decoded, as a delta of the part that e is about. */
static void pass_text(struct ir_unname *u, const struct ir_event *e)
{
    struct ir_event delta = {.kind = IR_EV_DELTA,
                             .choice = e->choice,
                             .index = e->index,
                             .text = buf_str(&u->out),
                             .usage = USAGE_NONE};
    if (delta.text.n)
        pass(u, &delta);
    buf_clear(&u->out);
}

static bool decoder_open(struct ir_unname *u, const struct ir_event *e)
{
    struct decoder *d = u->unused;
    if (!d && u->made == OPEN_MAX_CALLS)
        return false;
    if (d) {
        u->unused = d->next;
    } else {
        d = arena_new(u->arena, struct decoder);
        buf_init(&d->held, HELD_MAX);
        u->made++;
    }
    struct buf held = d->held;
    *d = (struct decoder){.next = u->open, .choice = e->choice, .index = e->index, .held = held};
    u->open = d;
    return true;
}

static void on_begin(struct ir_unname *u, const struct ir_event *e)
{
    const struct ir_renamed *r =
        e->part->kind == IR_PART_CALL ? ir_names_find(u->names, e->part->name) : NULL;
    if (!r) {
        pass(u, e);
        return;
    }
    struct ir_part part = *e->part;
    struct ir_event begin = *e;
    part.name = r->name;
    if (r->space.n)
        part.space = r->space;
    part.call = r->call;
    begin.part = &part;
    if (r->call == IR_CALL_CUSTOM && decoder_open(u, e)) {
        part.args = NULL;
        part.text = S("");
    }
    pass(u, &begin);
}

static void on_delta(struct ir_unname *u, const struct ir_event *e)
{
    struct decoder **at = decoder_at(u, e);
    if (!at) {
        pass(u, e);
        return;
    }
    feed(*at, e->text, &u->out);
    pass_text(u, e);
}

static void on_end(struct ir_unname *u, const struct ir_event *e)
{
    struct decoder **at = decoder_at(u, e), *d;
    if (at) {
        d = *at;
        *at = d->next;
        d->next = u->unused;
        u->unused = d;
        settle(d, &u->out);
        pass_text(u, e);
    }
    pass(u, e);
}

void ir_unname_take(void *unname, const struct ir_event *e)
{
    struct ir_unname *u = unname;
    if (e->kind == IR_EV_PART_BEGIN)
        on_begin(u, e);
    else if (e->kind == IR_EV_DELTA && u->open)
        on_delta(u, e);
    else if (e->kind == IR_EV_PART_END && u->open)
        on_end(u, e);
    else
        pass(u, e);
}
