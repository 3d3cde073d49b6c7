#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const struct err_info infos[ERR_COUNT] = {
    [OK] = {"OK", 200, "ok", "success"},
#define ERR(name, status, code, text) [ERR_##name] = {#name, status, code, text},
#include "base/err.def"
#undef ERR
};

const struct err_info *err_info(enum err e)
{
    must((unsigned)e < ERR_COUNT);
    return &infos[e];
}

enum err fail_set(struct fail *f, enum err code, const char *fmt, ...)
{
    if (!f)
        return code;
    f->code = code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    for (char *p = f->text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
    return code;
}

const char *fail_text(const struct fail *f)
{
    return f->text[0] ? f->text : err_info(f->code)->text;
}
