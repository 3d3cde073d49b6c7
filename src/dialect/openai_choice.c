#include "dialect/openai_choice.h"

bool openai_choice_word(str word, enum ir_choice_kind *kind)
{
    static const struct {
        const char *word;
        enum ir_choice_kind kind;
    } words[] = {{"auto", IR_CHOICE_AUTO},
                 {"none", IR_CHOICE_NONE},
                 {"required", IR_CHOICE_REQUIRED},
                 {"any", IR_CHOICE_REQUIRED}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_eq(word, str_c(words[i].word))) {
            *kind = words[i].kind;
            return true;
        }
    }
    return false;
}
