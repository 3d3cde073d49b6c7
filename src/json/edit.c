#include "json/edit.h"

#include "base/must.h"
#include "json/write.h"

void json_edit_init(struct json_edit *e, str doc, struct arena *a)
{
    e->doc = doc;
    e->arena = a;
    e->n = 0;
    e->failed = false;
}

/* ---- the list of spans ---- */

static void span_drop(struct json_edit *e, size_t i)
{
    e->n--;
    memmove(&e->spans[i], &e->spans[i + 1], (e->n - i) * sizeof e->spans[0]);
}

/* x lies within the bytes that go with y. What has no bytes must be truly inside. */
static bool covers(const struct json_edit_span *y, const struct json_edit_span *x)
{
    size_t y_end = y->at + y->n, x_end = x->at + x->n;
    if (x->n == 0)
        return y->at < x->at && x->at < y_end;
    return y->at <= x->at && x_end <= y_end;
}

static bool apart(const struct json_edit_span *a, const struct json_edit_span *b)
{
    return a->at + a->n <= b->at || b->at + b->n <= a->at;
}

static void span_add(struct json_edit *e, struct json_edit_span s)
{
    if (s.at > e->doc.n || s.n > e->doc.n - s.at)
        e->failed = true;
    for (size_t i = 0; i < e->n && !e->failed;) {
        if (covers(&s, &e->spans[i])) {
            span_drop(e, i);
        } else {
            e->failed = !apart(&s, &e->spans[i]);
            i++;
        }
    }
    if (e->n == JSON_EDITS_MAX)
        e->failed = true;
    if (!e->failed)
        e->spans[e->n++] = s;
}

void json_edit_replace(struct json_edit *e, size_t at, size_t n, str text)
{
    span_add(e, (struct json_edit_span){JSON_EDIT_REPLACE, at, n, text});
}

void json_edit_set_string(struct json_edit *e, struct json_span value, str text)
{
    struct buf lit;
    /* No byte becomes more than six; sizes are bounded long before they could overflow this. */
    buf_init(&lit, text.n * 6 + 2);
    json_put_string(&lit, text);
    json_edit_replace(e, value.at, value.n, str_dup(e->arena, buf_str(&lit)));
    buf_fini(&lit);
}

void json_edit_remove(struct json_edit *e, struct json_span member)
{
    size_t n = member.at + member.n - member.key_at;
    span_add(e, (struct json_edit_span){JSON_EDIT_REMOVE, member.key_at, n, {NULL, 0}});
}

/* ---- pieces ---- */

static size_t space_end(str doc, size_t at)
{
    while (at < doc.n && ascii_space(doc.p[at]))
        at++;
    return at;
}

static size_t space_begin(str doc, size_t at)
{
    while (at && ascii_space(doc.p[at - 1]))
        at--;
    return at;
}

/* Text put in where a span goes stands before it. */
static bool follows(const struct json_edit_span *a, const struct json_edit_span *b)
{
    return a->at != b->at ? a->at > b->at : a->n > b->n;
}

static void sort(struct json_edit *e)
{
    for (size_t i = 1; i < e->n; i++) {
        struct json_edit_span s = e->spans[i];
        size_t k = i;
        for (; k && follows(&e->spans[k - 1], &s); k--)
            e->spans[k] = e->spans[k - 1];
        e->spans[k] = s;
    }
}

struct cutter {
    const struct json_edit *e;
    struct iovec *out;
    size_t n;
    size_t done;    /* bytes of doc dealt with */
    size_t emptied; /* end of a removed run that was all of its object's members */
};

static void piece(struct cutter *c, str s)
{
    if (s.n)
        c->out[c->n++] = (struct iovec){(void *)(uintptr_t)s.p, s.n};
}

/* Copies up to from, then goes on at to. */
static void cut(struct cutter *c, size_t from, size_t to)
{
    must(from >= c->done && to >= from);
    piece(c, str_of(c->e->doc.p + c->done, from - c->done));
    c->done = to;
}

/*
 * Cuts out the run of neighbouring members that begins with span i; returns the run's last span.
 * The comma behind the run goes with it; at the end of the object the one before it does.
 */
static size_t cut_run(struct cutter *c, size_t i)
{
    const struct json_edit *e = c->e;
    size_t from = e->spans[i].at, to, next;
    for (;; i++) {
        to = e->spans[i].at + e->spans[i].n;
        next = space_end(e->doc, to);
        bool comma = next < e->doc.n && e->doc.p[next] == ',';
        if (comma)
            next = space_end(e->doc, next + 1);
        if (i + 1 == e->n || e->spans[i + 1].kind != JSON_EDIT_REMOVE ||
            e->spans[i + 1].at != next) {
            to = comma ? next : to;
            if (comma)
                break;
            size_t before = space_begin(e->doc, from);
            if (before && e->doc.p[before - 1] == ',')
                from = before - 1;
            else
                c->emptied = to;
            break;
        }
    }
    cut(c, from, to);
    return i;
}

static void insert(struct cutter *c, const struct json_edit_span *s)
{
    bool first = c->emptied == s->at || (s->at && c->e->doc.p[s->at - 1] == '{');
    cut(c, s->at, s->at);
    piece(c, first ? str_from(s->text, 1) : s->text);
}

size_t json_edit_pieces(struct json_edit *e, struct iovec out[JSON_PIECES_MAX])
{
    if (e->failed)
        return 0;
    sort(e);
    struct cutter c = {.e = e, .out = out, .emptied = SIZE_MAX};
    for (size_t i = 0; i < e->n; i++) {
        const struct json_edit_span *s = &e->spans[i];
        if (s->kind == JSON_EDIT_REMOVE) {
            i = cut_run(&c, i);
        } else if (s->kind == JSON_EDIT_INSERT) {
            insert(&c, s);
        } else {
            cut(&c, s->at, s->at + s->n);
            piece(&c, s->text);
        }
    }
    cut(&c, e->doc.n, e->doc.n);
    return c.n;
}

size_t json_edit_length(const struct json_edit *e)
{
    struct json_edit copy = *e;
    struct iovec pieces[JSON_PIECES_MAX];
    size_t n = json_edit_pieces(&copy, pieces), total = 0;
    for (size_t i = 0; i < n; i++)
        total += pieces[i].iov_len;
    return total;
}

/* ---- setting by path ---- */

/* The whole result in the arena. */
static str flatten(struct json_edit *e)
{
    struct iovec pieces[JSON_PIECES_MAX];
    size_t n = json_edit_pieces(e, pieces), at = 0;
    char *text = arena_alloc(e->arena, json_edit_length(e) + 1);
    for (size_t i = 0; i < n; i++) {
        memcpy(text + at, pieces[i].iov_base, pieces[i].iov_len);
        at += pieces[i].iov_len;
    }
    return str_of(text, at);
}

static str dup_buf(struct json_edit *e, struct buf *b)
{
    str s = str_dup(e->arena, buf_str(b));
    buf_fini(b);
    return s;
}

/* {path[0]:{path[1]:...value}}, or value itself when the path is empty. */
static str nested(struct json_edit *e, const str *path, size_t n_path, str value)
{
    if (!n_path)
        return value;
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    for (size_t i = 0; i < n_path; i++) {
        buf_put_char(&b, '{');
        json_put_string(&b, path[i]);
        buf_put_char(&b, ':');
    }
    buf_put(&b, value);
    for (size_t i = 0; i < n_path; i++)
        buf_put_char(&b, '}');
    return dup_buf(e, &b);
}

/* Sets a path inside a text of ours (a replacement) by an edit of its own. */
static enum err set_inside(struct json_edit *e, str *text, const str *path, size_t n_path,
                           str value, struct fail *f)
{
    size_t at = space_end(*text, 0);
    if (!n_path || at == text->n || text->p[at] != '{') {
        *text = nested(e, path, n_path, value);
        return OK;
    }
    struct json_edit inner;
    json_edit_init(&inner, *text, e->arena);
    struct json_span root = {.kind = JSON_OBJECT, .at = at, .n = text->n - at};
    enum err err = json_edit_set(&inner, root, path, n_path, value, f);
    if (err == OK)
        *text = flatten(&inner);
    return err;
}

/* Adds a member that obj lacks. All insertions into one object share a span. */
static enum err member_insert(struct json_edit *e, struct json_span obj, const str *path,
                              size_t n_path, str value, struct fail *f)
{
    size_t at = space_begin(e->doc, obj.at + obj.n - 1);
    for (size_t i = 0; i < e->n; i++) {
        struct json_edit_span *s = &e->spans[i];
        if (s->kind != JSON_EDIT_INSERT || s->at != at)
            continue;
        str members = str_from(s->text, 1);
        str text = arena_printf(e->arena, "{%.*s}", STR_FMT(members));
        enum err err = set_inside(e, &text, path, n_path, value, f);
        if (err != OK)
            return err;
        s->text = arena_printf(e->arena, ",%.*s", (int)(text.n - 2), text.p + 1);
        return OK;
    }
    str text = nested(e, path, n_path, value);
    text = arena_printf(e->arena, ",%.*s", (int)(text.n - 2), text.p + 1);
    span_add(e, (struct json_edit_span){JSON_EDIT_INSERT, at, 0, text});
    return OK;
}

/* The edit that replaces m's value or removes m, if there is one. */
static struct json_edit_span *edit_of(struct json_edit *e, struct json_span m)
{
    for (size_t i = 0; i < e->n; i++) {
        struct json_edit_span *s = &e->spans[i];
        if (s->kind == JSON_EDIT_REMOVE
                ? s->at == m.key_at
                : s->kind == JSON_EDIT_REPLACE && s->at == m.at && s->n == m.n)
            return s;
    }
    return NULL;
}

/* Sets a path below member m, whose value or whole self an earlier edit has changed. */
static enum err set_again(struct json_edit *e, struct json_edit_span *s, struct json_span m,
                          const str *path, size_t n_path, str value, struct fail *f)
{
    if (s->kind == JSON_EDIT_REMOVE) {
        str text = nested(e, path, n_path, value);
        *s = (struct json_edit_span){JSON_EDIT_REPLACE, m.at, m.n, text};
        return OK;
    }
    return set_inside(e, &s->text, path, n_path, value, f);
}

enum err json_edit_set(struct json_edit *e, struct json_span obj, const str *path, size_t n_path,
                       str value, struct fail *f)
{
    must(n_path > 0);
    for (;;) {
        struct json_span m;
        enum err err = json_scan_members(e->doc, obj, path, &m, 1, f);
        if (err != OK)
            return err;
        if (m.kind == JSON_ABSENT)
            return member_insert(e, obj, path, n_path, value, f);
        path++;
        n_path--;
        struct json_edit_span *s = edit_of(e, m);
        if (s)
            return set_again(e, s, m, path, n_path, value, f);
        if (!n_path || m.kind != JSON_OBJECT) {
            json_edit_replace(e, m.at, m.n, nested(e, path, n_path, value));
            return OK;
        }
        obj = m;
    }
}
