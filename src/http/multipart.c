#include "http/multipart.h"

/* The value of a parameter such as boundary= or name=, with or without quotes. */
static str parameter(str header, str name)
{
    str rest = header;
    (void)str_split(&rest, ';');
    while (rest.p) {
        str pair = str_trim(str_split(&rest, ';'));
        size_t eq = str_find_char(pair, '=');
        if (!str_eq_nocase(str_trim(str_head(pair, eq)), name))
            continue;
        str value = str_trim(str_from(pair, eq + 1));
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
            value = str_of(value.p + 1, value.n - 2);
        return value;
    }
    return (str){NULL, 0};
}

bool multipart_init(struct multipart *m, str content_type, str name)
{
    *m = (struct multipart){.name = name};
    buf_init(&m->value, MULTIPART_VALUE_MAX);
    buf_init(&m->head, MULTIPART_HEAD_MAX);
    str media = str_trim(str_head(content_type, str_find_char(content_type, ';')));
    str boundary = parameter(content_type, S("boundary"));
    if (!str_eq_nocase(media, S("multipart/form-data")) || boundary.n == 0 ||
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

/* A part head is complete: is it the field we look for? */
static void begin_part(struct multipart *m)
{
    str rest = buf_str(&m->head);
    m->state = MP_BODY;
    m->matched = 0;
    while (rest.p) {
        str line = str_trim(str_split(&rest, '\n'));
        size_t colon = str_find_char(line, ':');
        if (!str_eq_nocase(str_head(line, colon), S("content-disposition")))
            continue;
        if (!str_eq(parameter(str_from(line, colon + 1), S("name")), m->name))
            continue;
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
