#include "ir/feature.h"

enum side { SIDE_ASK, SIDE_SAY };

static const struct {
    enum side side;
    const char *what;
} features[CAN_COUNT] = {
#define FEATURE(name, side_, what_) [CAN_##name] = {SIDE_##side_, what_},
#include "ir/feature.def"
#undef FEATURE
};

_Static_assert(CAN_COUNT <= 64 * 2, "struct ir_set is too small");

const char *ir_feature_text(enum ir_feature f)
{
    must((unsigned)f < CAN_COUNT);
    return features[f].what;
}

bool ir_feature_asks(enum ir_feature f)
{
    must((unsigned)f < CAN_COUNT);
    return features[f].side == SIDE_ASK;
}

void ir_losses_add(struct ir_losses *l, str name)
{
    for (size_t i = 0; i < l->n; i++) {
        if (str_eq(l->names[i], name))
            return;
    }
    if (l->n < IR_LOSSES_MAX)
        l->names[l->n++] = name;
    else
        l->more = true;
}

static const char *name_of(enum ir_feature f, const struct ir_fate_row *from)
{
    return from && from[f].wire && from[f].wire[0] ? from[f].wire : features[f].what;
}

str ir_feature_name(enum ir_feature f, const struct ir_fate_row *rows)
{
    must((unsigned)f < CAN_COUNT);
    return str_c(name_of(f, rows));
}

enum err ir_losses_settle(const struct ir_set *said, const struct ir_fate_row *from,
                          const struct ir_fate_row *to, const char *to_name, struct ir_losses *out,
                          struct fail *f)
{
    struct ir_set left = *said;
    for (enum ir_feature feature; ir_set_take(&left, &feature);) {
        const unsigned i = feature;
        if (to[i].fate == FATE_REFUSED)
            return fail_set(
                f, ERR_BAD_REQUEST,
                "\"%s\" (%s) cannot be said to this model's provider, which speaks %s%s%s",
                name_of(feature, from), features[i].what, to_name, to[i].note[0] ? ": " : "",
                to[i].note);
        if (to[i].fate == FATE_DROPPED)
            ir_losses_add(out, str_c(name_of(feature, from)));
    }
    return OK;
}
