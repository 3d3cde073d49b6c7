/*
 * excerpt.c - shows a line of a configuration file without its secrets.
 *
 * A syntax error can stand on any line, also on one that holds a key, and the parser that failed
 * cannot say what the line means. So this errs on the side of hiding: values of telling names,
 * bare list items (api-keys is a list of them) and anything that looks like a key are left out.
 */
#include "config/yaml.h"

#include <ctype.h>

enum { SHOWN_MAX = 60, LONG_WORD = 16 };

static const char *const telling[] = {
    "key", "secret", "passw", "token", "auth", "proxy-url", "dsn", "cookie", "bearer", "credential",
};

static bool word_byte(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-_+/=.~%", c)) || (unsigned char)c >= 0x80;
}

/* Where the value of the first telling name starts, or line.n. */
static size_t telling_end(str line)
{
    for (size_t at = 0; at < line.n; at++)
        for (size_t i = 0; i < sizeof telling / sizeof *telling; i++) {
            if (!str_starts_nocase(str_from(line, at), str_c(telling[i])))
                continue;
            size_t end = at + strlen(telling[i]);
            while (end < line.n && (isalpha((unsigned char)line.p[end]) || line.p[end] == '-'))
                end++;
            if (end < line.n && (line.p[end] == '"' || line.p[end] == '\''))
                end++;
            return end < line.n && line.p[end] == ':' ? end + 1 : end;
        }
    return line.n;
}

/* A word that begins like a key or is long enough to be one. */
static bool looks_secret(str word)
{
    bool digit = false, letter = false;
    for (size_t i = 0; i < word.n; i++) {
        digit = digit || isdigit((unsigned char)word.p[i]);
        letter = letter || isalpha((unsigned char)word.p[i]);
    }
    if (str_starts_nocase(word, S("sk-")) || str_starts(word, S("AIza")))
        return true;
    return word.n >= LONG_WORD && digit && letter;
}

static void put(char *out, size_t size, size_t *n, str s)
{
    for (size_t i = 0; i < s.n && *n + 1 < size; i++)
        out[(*n)++] = s.p[i] == '"' ? '\'' : s.p[i];
}

/* Bytes of line from "://" to the last '@' of the URL: its user and password. */
static size_t user_info(str line)
{
    size_t at = 0;
    if (!str_starts(line, S("://")))
        return 0;
    for (size_t i = 3; i < line.n && !ascii_space(line.p[i]); i++)
        if (line.p[i] == '@')
            at = i;
    return at;
}

static void put_words(str line, char *out, size_t size, size_t *n)
{
    while (line.n) {
        size_t skip = user_info(line);
        if (skip) {
            put(out, size, n, S("://***"));
            line = str_from(line, skip);
        }
        size_t len = 0;
        while (len < line.n && word_byte(line.p[len]))
            len++;
        str word = str_head(line, len ? len : 1);
        line = str_from(line, word.n);
        put(out, size, n, len && looks_secret(word) ? S("***") : word);
    }
}

/* The part of a list item that is no value: "- ", or all of it if it is `- key: value`. */
static size_t item_end(str line)
{
    bool item = line.n && line.p[0] == '-' && (line.n == 1 || line.p[1] == ' ');
    if (!item || str_find(line, S(": ")) != line.n || str_ends(line, S(":")))
        return line.n;
    return line.n < 2 ? line.n : 2;
}

/* Ends the text; when it was cut, not in the middle of a character. */
static void finish(char *out, size_t size, size_t n)
{
    if (n + 1 == size) {
        while (n && ((unsigned char)out[n - 1] & 0xc0) == 0x80)
            n--;
        if (n && (unsigned char)out[n - 1] >= 0xc0)
            n--;
    }
    out[n] = 0;
}

void yaml_shown(str value, char *out, size_t size)
{
    size_t n = 0;
    if (size > SHOWN_MAX + 1)
        size = SHOWN_MAX + 1;
    put_words(value, out, size, &n);
    finish(out, size, n);
}

void yaml_excerpt(str line, char *out, size_t size)
{
    size_t n = 0, end;
    line = str_trim(line);
    out[0] = 0;
    if (str_find_char(line, ':') == line.n && !str_starts(line, S("- ")))
        return; /* perhaps the rest of a secret that began on a line above */
    end = telling_end(line);
    if (item_end(line) < end)
        end = item_end(line);
    if (size > SHOWN_MAX + 1)
        size = SHOWN_MAX + 1;
    put_words(str_head(line, end), out, size, &n);
    if (end < line.n)
        put(out, size, &n, end && line.p[end - 1] == ' ' ? S("***") : S(" ***"));
    finish(out, size, n);
}
