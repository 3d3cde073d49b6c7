#include "support/markdown.h"

/* Offset of a line that begins with a fence, or text.n. */
static size_t fence_at(str text)
{
    if (str_starts(text, S("```")))
        return 0;
    size_t at = str_find(text, S("\n```"));
    return at == text.n ? at : at + 1;
}

bool md_next(str *rest, struct md_block *b)
{
    str text = str_from(*rest, fence_at(*rest));
    if (!text.n)
        return false;
    text = str_from(text, 3);
    str head = str_trim(str_split(&text, '\n'));
    size_t end = fence_at(text);
    b->name = str_head(head, str_find_char(head, ' '));
    b->options = str_trim(str_from(head, b->name.n));
    b->text = str_head(text, end);
    *rest = str_from(text, end);
    str_split(rest, '\n');
    return true;
}

str md_option(const struct md_block *b, str key)
{
    str rest = b->options;
    while (rest.p && rest.n) {
        str word = str_split(&rest, ' ');
        str name = str_head(word, str_find_char(word, '='));
        if (str_eq(name, key))
            return str_of(word.p + (name.n < word.n ? name.n + 1 : name.n),
                          name.n < word.n ? word.n - name.n - 1 : 0);
    }
    return (str){NULL, 0};
}

bool md_has(const struct md_block *b, str key)
{
    return md_option(b, key).p != NULL;
}
