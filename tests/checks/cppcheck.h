/* What cppcheck is told of APR and httpd: their headers would take it minutes, and their
 * macros mean nothing to it without this. */
#define APR_INT64_T_FMT           "ld"
#define APR_UINT64_T_FMT          "lu"
#define APR_SIZE_T_FMT            "lu"
#define APR_SSIZE_T_FMT           "ld"
#define APR_OFF_T_FMT             "ld"
#define APR_TIME_T_FMT            "ld"
#define APR_PID_T_FMT             "d"
#define APR_OFFSETOF(type, field) __builtin_offsetof(type, field)
#define APR_RING_FOREACH(ep, hp, elem, link)                                             \
    for (ep = (hp)->next; ep != (struct elem *)(hp); ep = ep->link.next)
#define APR_RING_FOREACH_SAFE(ep, next_ep, hp, elem, link)                               \
    for (ep = (hp)->next, next_ep = ep->link.next; ep != (struct elem *)(hp);            \
         ep = next_ep, next_ep = ep->link.next)
#define AP_MODULE_DECLARE_DATA
#define APLOG_USE_MODULE(name) extern int name##_log_module
