#include "base/version.h"

#ifndef CLIPROXY_VERSION
#define CLIPROXY_VERSION "0.0.0"
#endif
#ifndef CLIPROXY_COMMIT
#define CLIPROXY_COMMIT "unknown"
#endif

const char cliproxy_version[] = CLIPROXY_VERSION;
const char cliproxy_commit[] = CLIPROXY_COMMIT;
