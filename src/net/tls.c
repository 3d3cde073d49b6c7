#include "net/tls.h"

void tls_sessions_fini(struct tls_sessions *s)
{
    while (s->n)
        SSL_SESSION_free(s->session[--s->n]);
}
