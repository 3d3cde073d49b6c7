/* dialect/openai_chat/pieces.c - small things that several files of this folder need. */
#include "dialect/openai_chat/chat.h"

bool chat_members(yyjson_val *obj, const char *const *names, yyjson_val **found)
{
    bool others = false;
    for (size_t i = 0; names[i]; i++)
        found[i] = NULL;
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        size_t i = 0;
        if (yyjson_is_null(v))
            continue;
        while (names[i] && !yyjson_equals_str(k, names[i]))
            i++;
        if (names[i])
            found[i] = v;
        else
            others = true;
    }
    return others;
}

yyjson_val *chat_tree(str json, struct arena *a)
{
    yyjson_val *root = NULL;
    enum err e = json_read(json, a, &root, NULL);
    return e ? NULL : root;
}
