#include "http/multipart.h"

#include "http/parse.h"

/* Takes the part before the next ';' off *rest; one inside quotes separates nothing. */
static str next_parameter(str *rest)
{
    bool quoted = false;
    for (size_t i = 0; i < rest->n; i++) {
        char c = rest->p[i];
        if (c == '\\' && quoted) {
            i++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == ';' && !quoted) {
            str part = str_head(*rest, i);
            *rest = str_from(*rest, i + 1);
            return part;
        }
    }
    str part = *rest;
    *rest = (str){NULL, 0};
    return part;
}

/*
 * The value of a parameter such as boundary= or name=, with or without quotes; p == NULL if there
 * is none. False when it could be read in more than one way: given twice, or quoted in a manner
 * that readers treat differently.
 */
static bool parameter(str header, str name, str *value)
{
    str rest = header;
    *value = (str){NULL, 0};
    (void)next_parameter(&rest);
    while (rest.p) {
        str pair = next_parameter(&rest);
        size_t eq = str_find_char(pair, '=');
        str got = str_trim(str_head(pair, eq));
        bool extended = str_ends(got, S("*")); /* RFC 5987; not for forms (RFC 7578 4.2) */
        if (extended)
            got.n--;
        if (!str_eq_nocase(got, name))
            continue;
        if (extended || value->p)
            return false;
        *value = str_trim(str_from(pair, eq + 1));
        if (value->n >= 2 && value->p[0] == '"' && value->p[value->n - 1] == '"')
            *value = str_of(value->p + 1, value->n - 2);
        if (str_find_char(*value, '"') < value->n || str_find_char(*value, '\\') < value->n)
            return false;
    }
    return true;
}

bool multipart_init(struct multipart *m, str content_type, str name)
{
    *m = (struct multipart){.name = name};
    buf_init(&m->value, MULTIPART_VALUE_MAX);
    buf_init(&m->head, MULTIPART_HEAD_MAX);
    str boundary;
    if (!parameter(content_type, S("boundary"), &boundary) ||
        !http_media_is(content_type, S("multipart/form-data")) || boundary.n == 0 ||
        boundary.n > MULTIPART_BOUNDARY_MAX)
        return false;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.p, boundary.n);
    m->delimiter_n = boundary.n + 4;
    m->matched = 2; /* the first delimiter needs no line break before it */
    return true;
}

void multipart_fini(struct multipart *m)
{
    buf_fini(&m->value);
    buf_fini(&m->head);
}

/* The name of the part whose head this is. False when readers could differ about it. */
static bool part_name(str head, str *name)
{
    bool seen = false;
    *name = (str){NULL, 0};
    while (head.p) {
        str line = str_split(&head, '\n');
        if (line.n && (line.p[0] == ' ' || line.p[0] == '\t'))
            return false; /* folded into the line before */
        size_t colon = str_find_char(line, ':');
        if (!str_eq_nocase(str_trim(str_head(line, colon)), S("content-disposition")))
            continue;
        if (seen || !parameter(str_trim(str_from(line, colon + 1)), S("name"), name))
            return false;
        seen = true;
    }
    return true;
}

/* A part head is complete: is it the field we look for? */
static void begin_part(struct multipart *m)
{
    str name;
    m->state = MP_BODY;
    m->matched = 0;
    m->bad |= !part_name(buf_str(&m->head), &name);
    if (name.p && str_eq(name, m->name)) {
        if (m->found) {
            m->twice = true;
        } else {
            m->state = MP_VALUE;
            m->value_at = m->at;
            buf_clear(&m->value);
        }
    }
    buf_clear(&m->head);
}

static void on_delimiter(struct multipart *m)
{
    /* Behind the end nothing counts, but not every reader knows. */
    m->bad |= m->over;
    if (m->state == MP_VALUE)
        m->found = true;
    m->state = MP_AFTER;
    m->after_n = 0;
    m->matched = 0;
}

/* One byte of a part's body. */
static void body_byte(struct multipart *m, char c)
{
    if (c == m->delimiter[m->matched]) {
        if (++m->matched == m->delimiter_n)
            on_delimiter(m);
        return;
    }
    if (m->state == MP_VALUE) {
        buf_put(&m->value, str_of(m->delimiter, m->matched));
        if (c != '\r')
            buf_put_char(&m->value, c);
        m->bad |= m->value.failed;
    }
    /* CR begins a delimiter and stands nowhere else in it. */
    m->matched = c == '\r';
}

/* Behind a delimiter: "--" closes, a line break begins a part head; padding may come between. */
static void after_byte(struct multipart *m, char c)
{
    if (m->after_n == 0 && (c == ' ' || c == '\t'))
        return;
    m->after[m->after_n++] = c;
    if (m->after_n < 2)
        return;
    if (m->after[0] == '\r' && c == '\n') {
        m->state = MP_HEAD;
    } else if (m->after[0] == '-' && c == '-') {
        m->over = true;
        m->state = MP_BODY;
    } else {
        m->bad = true;
    }
}

static void head_byte(struct multipart *m, char c)
{
    buf_put_char(&m->head, c);
    m->bad |= m->head.failed;
    str head = buf_str(&m->head);
    if (str_ends(head, S("\r\n\r\n")) || str_eq(head, S("\r\n"))) {
        begin_part(m);
    }
}

void multipart_feed(struct multipart *m, str bytes)
{
    for (size_t i = 0; i < bytes.n && !m->bad; i++) {
        if (m->state == MP_BODY && m->matched == 0) {
            /* File contents: straight to the next byte that may begin a delimiter. */
            size_t skip = str_find_char(str_from(bytes, i), '\r');
            i += skip;
            m->at += skip;
            if (i == bytes.n)
                return;
        }
        m->at++;
        char c = bytes.p[i];
        if (m->state == MP_AFTER)
            after_byte(m, c);
        else if (m->state == MP_HEAD)
            head_byte(m, c);
        else
            body_byte(m, c);
    }
}
