/*
 * Any bytes as a configuration file: no crash, an error has a position and one line, a config that
 * was accepted satisfies what the layers above rely on, and secrets stay out of all messages.
 *
 * Input that starts with '!' is a pair, separated by a line "!": the difference of two loads.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_fail(const struct fail *f)
{
    check(f->code == ERR_CONFIG);
    check(strncmp(f->text, "f.yaml:", 7) == 0);
    check(strcspn(f->text, "\r\n") == strlen(f->text));
}

static void check_provider(const struct provider_entry *p)
{
    check(p->name.n > 0 && p->name.n <= 100);
    check(p->disabled || p->n_credentials > 0);
    check(p->disabled || p->kind == CHANNEL_SIM || str_starts_nocase(p->base_url, S("http")));
    check(str_find_char(p->prefix, '/') == p->prefix.n);
    check(p->sim.failure_rate >= 0 && p->sim.failure_rate <= 1);
    check(p->sim.failure_status >= 400 && p->sim.failure_status <= 599);
    for (size_t i = 0; i < p->n_models; i++)
        check(p->models[i].name.n > 0 && p->models[i].alias.n > 0);
    for (size_t i = 0; i < p->n_headers; i++) {
        const struct header_rule *h = &p->headers[i];
        check(h->name.n > 0 && h->value.n > 0);
        check(str_find_char(h->value, '\n') == h->value.n);
        check(str_find_char(h->value, '\r') == h->value.n);
    }
    for (size_t i = 0; i < p->n_credentials; i++)
        check(str_find_char(p->credentials[i].api_key, '\n') == p->credentials[i].api_key.n);
}

static void check_config(const struct config *c)
{
    check(c->port >= 0 && c->port <= 65535);
    check(c->json_depth >= 8 && c->json_depth <= 1024);
    check(c->body_bytes >= 1024);
    check(c->keys_by_value.count == c->n_keys);
    for (size_t i = 0; i < c->n_keys; i++)
        check(map_get(&c->keys_by_value, c->keys[i].key) == &c->keys[i]);
    for (size_t i = 0; i < c->n_providers; i++)
        check_provider(&c->providers[i]);
    for (size_t i = 0; i < c->n_warnings; i++)
        check(c->warnings[i].n > 0);
}

static struct config *load(str text)
{
    struct config *c;
    struct fail f = {0};
    if (config_parse(text, "f.yaml", &c, &f)) {
        check(!c);
        check_fail(&f);
        return NULL;
    }
    check_config(c);
    return c;
}

static void compare(const struct config *a, const struct config *b)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    config_diff(a, b, &out);
    buf_clear(&out);
    config_diff(a, a, &out);
    check(out.n == 0);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    str text = str_of((const char *)data, size), second = {NULL, 0};
    if (!ready)
        hash_init();
    ready = true;
    if (str_starts(text, S("!"))) {
        text = str_from(text, 1);
        size_t at = str_find(text, S("\n!\n"));
        second = str_from(text, at + 3);
        text = str_head(text, at + 1);
    }
    struct config *a = load(text), *b = load(second);
    if (a && b)
        compare(a, b);
    config_free(a);
    config_free(b);
    return 0;
}
