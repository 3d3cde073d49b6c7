#include "config/dotenv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "config/file.h"

enum { DOTENV_MAX = 1024 * 1024 };

static bool is_name(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(isalpha((unsigned char)s.p[i]) || s.p[i] == '_' ||
              (i && isdigit((unsigned char)s.p[i]))))
            return false;
    return s.n > 0;
}

/* The text in quotes, or up to a comment. Nothing is expanded. */
static str value_of(str s)
{
    s = str_trim(s);
    if (s.n && (s.p[0] == '"' || s.p[0] == '\'')) {
        str rest = str_from(s, 1);
        return str_head(rest, str_find_char(rest, s.p[0]));
    }
    return str_trim(str_head(s, str_find(s, S(" #"))));
}

static void apply_line(struct arena *a, str line)
{
    line = str_trim(line);
    if (str_starts(line, S("export ")))
        line = str_trim(str_from(line, 7));
    size_t eq = str_find_char(line, '=');
    str name = str_trim(str_head(line, eq));
    if (eq == line.n || !is_name(name))
        return;
    str value = str_dup(a, value_of(str_from(line, eq + 1)));
    setenv(str_dup(a, name).p, value.p, 0);
}

void dotenv_apply(str text)
{
    struct arena scratch;
    arena_init(&scratch);
    while (text.p)
        apply_line(&scratch, str_split(&text, '\n'));
    arena_wipe(&scratch);
}

void dotenv_load(void)
{
    struct buf b;
    buf_init(&b, DOTENV_MAX);
    if (!file_read(".env", &b))
        dotenv_apply(buf_str(&b));
    mem_wipe_free(b.p, b.cap);
}
