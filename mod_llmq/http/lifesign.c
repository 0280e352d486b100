#include "http/lifesign.h"

#define LIVES_WELL apr_time_from_sec(6) /* more than the longest pause between starts */
#define DEAD_LONG  apr_time_from_sec(5) /* a dispatcher is back much sooner */

int llmq_lifesign_is_missing(llmq_lifesign_t *sign, const llmq_service_t *service,
                             apr_time_t now)
{
    apr_uint32_t deaths = service->dispatcher_deaths();

    if (!service->has_dispatcher) {
        return 0;
    }
    if (!sign->begun) {
        sign->begun = 1;
        sign->deaths = deaths;
    }
    if (!service->dispatcher_alive() || deaths != sign->deaths) {
        sign->dead_at = now;
        sign->dead_since = sign->dead_since ? sign->dead_since : now;
        sign->deaths = deaths;
    }
    else if (now - sign->dead_at > LIVES_WELL) {
        sign->dead_since = 0;
    }
    return sign->dead_since && sign->dead_at - sign->dead_since > DEAD_LONG;
}

int llmq_lifesign_matters(llmq_kind_e kind)
{
    return kind != LLMQ_KIND_TASK && kind != LLMQ_KIND_RUN;
}
