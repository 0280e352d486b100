#include "backend/backend_guard.h"

#include "core/callback.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int address_of(llmq_egress_address_t *a, const struct curl_sockaddr *at)
{
    /* curl declares the address with the size of any: the families' own structs fit. */
    const void *raw = &at->addr;

    if (at->family == AF_INET) {
        memset(a->byte, 0, 10);
        a->byte[10] = a->byte[11] = 0xff;
        memcpy(a->byte + 12, &((const struct sockaddr_in *)raw)->sin_addr, 4);
        return 1;
    }
    if (at->family == AF_INET6) {
        memcpy(a->byte, &((const struct sockaddr_in6 *)raw)->sin6_addr, 16);
        return 1;
    }
    return 0;
}

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *at)
{
    llmq_backend_transfer_t *t = ctx;
    llmq_egress_address_t a;

    (void)purpose;
    if (!t->anywhere
        && (!address_of(&a, at) || !llmq_egress_allows(t->call->egress, &a))) {
        t->refused = 1;
        return CURL_SOCKET_BAD;
    }
    t->sockets++;
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

int llmq_backend_guard_set(llmq_backend_transfer_t *t)
{
    const llmq_egress_t *list = t->call->egress;

    if (!list) {
        return 1;
    }
    t->anywhere =
        llmq_egress_allows_name(list, llmq_callback_host(t->url, t->call->pool));
    return curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket) == CURLE_OK
           && curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t) == CURLE_OK;
}

llmq_backend_trouble_e llmq_backend_guard_trouble(const llmq_backend_transfer_t *t,
                                                  llmq_backend_trouble_e trouble)
{
    return trouble != LLMQ_BACKEND_TROUBLE_NONE && t->refused && t->sockets == 0
                   && !llmq_backend_trouble_stands(trouble)
               ? LLMQ_BACKEND_TROUBLE_ADDRESS
               : trouble;
}
