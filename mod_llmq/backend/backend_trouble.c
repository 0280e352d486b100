#include "backend/backend_trouble.h"

/* A row for each trouble. Those that stand do so whatever the backend has said. */
static const struct {
    llmq_failure_e kind;
    int stands;
    const char *sentence;
} troubles[] = {
    [LLMQ_BACKEND_TROUBLE_NONE] = {LLMQ_FAILURE_PROTOCOL, 0, "The answer is missing"},
    [LLMQ_BACKEND_TROUBLE_NAME] = {LLMQ_FAILURE_UNREACHABLE, 0,
                                   "The backend's name is not known"},
    [LLMQ_BACKEND_TROUBLE_REFUSED] = {LLMQ_FAILURE_UNREACHABLE, 0,
                                      "The backend cannot be reached"},
    [LLMQ_BACKEND_TROUBLE_CONNECT_TIME] = {LLMQ_FAILURE_UNREACHABLE, 0,
                                           "No connection to the backend in time"},
    [LLMQ_BACKEND_TROUBLE_TLS] = {LLMQ_FAILURE_UNREACHABLE, 0,
                                  "TLS with the backend failed"},
    [LLMQ_BACKEND_TROUBLE_CERTIFICATE] = {LLMQ_FAILURE_UNREACHABLE, 0,
                                          "The backend's certificate is not trusted"},
    [LLMQ_BACKEND_TROUBLE_NOTHING] = {LLMQ_FAILURE_CONNECT, 0,
                                      "The backend hung up without an answer"},
    [LLMQ_BACKEND_TROUBLE_LOST] = {LLMQ_FAILURE_CONNECT, 0,
                                   "The connection to the backend was lost"},
    [LLMQ_BACKEND_TROUBLE_BROKEN] = {LLMQ_FAILURE_PROTOCOL, 0, "The answer broke off"},
    [LLMQ_BACKEND_TROUBLE_HTTP] = {LLMQ_FAILURE_PROTOCOL, 0,
                                   "The backend does not speak HTTP"},
    [LLMQ_BACKEND_TROUBLE_URL] = {LLMQ_FAILURE_REQUEST, 0,
                                  "The backend's url cannot be used"},
    [LLMQ_BACKEND_TROUBLE_FIRST_TIME] = {LLMQ_FAILURE_TIMEOUT, 0,
                                         "The backend did not begin its answer in time"},
    [LLMQ_BACKEND_TROUBLE_TOTAL_TIME] = {LLMQ_FAILURE_TIMEOUT, 0,
                                         "The backend did not finish its answer in time"},
    [LLMQ_BACKEND_TROUBLE_OTHER] = {LLMQ_FAILURE_CONNECT, 0,
                                    "The call to the backend failed"},
    [LLMQ_BACKEND_TROUBLE_REQUEST] = {LLMQ_FAILURE_REQUEST, 1,
                                      "There is no url, or nothing to send"},
    [LLMQ_BACKEND_TROUBLE_CONTROL] = {LLMQ_FAILURE_REQUEST, 1,
                                      "The id or the key holds control characters"},
    [LLMQ_BACKEND_TROUBLE_ADDRESS] = {LLMQ_FAILURE_REQUEST, 1,
                                      "Requests to this address are not allowed"},
    [LLMQ_BACKEND_TROUBLE_HANDLE] = {LLMQ_FAILURE_CONNECT, 1, "No handle for the call"},
    [LLMQ_BACKEND_TROUBLE_ABORT] = {LLMQ_FAILURE_CONNECT, 1, "The call was aborted"},
    [LLMQ_BACKEND_TROUBLE_STOP] = {LLMQ_FAILURE_CONNECT, 1, "The server is stopping"},
};
_Static_assert(sizeof(troubles) / sizeof(troubles[0]) == LLMQ_BACKEND_TROUBLE_COUNT,
               "a row for each trouble");

/* curl's codes; those that are missing are OTHER. A version of HTTP that curl does not
 * know is an unsupported protocol to it, so that code does not blame the url alone. */
static const struct {
    CURLcode code;
    llmq_backend_trouble_e trouble;
} codes[] = {
    {CURLE_OK, LLMQ_BACKEND_TROUBLE_NONE},
    {CURLE_COULDNT_RESOLVE_HOST, LLMQ_BACKEND_TROUBLE_NAME},
    {CURLE_COULDNT_CONNECT, LLMQ_BACKEND_TROUBLE_REFUSED},
    {CURLE_OPERATION_TIMEDOUT, LLMQ_BACKEND_TROUBLE_CONNECT_TIME},
    {CURLE_SSL_CONNECT_ERROR, LLMQ_BACKEND_TROUBLE_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, LLMQ_BACKEND_TROUBLE_CERTIFICATE},
    {CURLE_SSL_CACERT_BADFILE, LLMQ_BACKEND_TROUBLE_CERTIFICATE},
    {CURLE_GOT_NOTHING, LLMQ_BACKEND_TROUBLE_NOTHING},
    {CURLE_SEND_ERROR, LLMQ_BACKEND_TROUBLE_LOST},
    {CURLE_RECV_ERROR, LLMQ_BACKEND_TROUBLE_LOST},
    {CURLE_PARTIAL_FILE, LLMQ_BACKEND_TROUBLE_BROKEN},
    {CURLE_WEIRD_SERVER_REPLY, LLMQ_BACKEND_TROUBLE_HTTP},
    {CURLE_UNSUPPORTED_PROTOCOL, LLMQ_BACKEND_TROUBLE_HTTP},
    {CURLE_BAD_CONTENT_ENCODING, LLMQ_BACKEND_TROUBLE_HTTP},
    {CURLE_URL_MALFORMAT, LLMQ_BACKEND_TROUBLE_URL},
};

llmq_backend_trouble_e llmq_backend_trouble_of(CURLcode code)
{
    size_t i;

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].code == code) {
            return codes[i].trouble;
        }
    }
    return LLMQ_BACKEND_TROUBLE_OTHER;
}

const char *llmq_backend_trouble_sentence(llmq_backend_trouble_e trouble)
{
    return (unsigned)trouble < LLMQ_BACKEND_TROUBLE_COUNT
               ? troubles[trouble].sentence
               : troubles[LLMQ_BACKEND_TROUBLE_OTHER].sentence;
}

int llmq_backend_trouble_stands(llmq_backend_trouble_e trouble)
{
    return troubles[trouble].stands;
}

int llmq_backend_trouble_is(llmq_backend_trouble_e trouble, llmq_failure_e kind)
{
    return troubles[trouble].kind == kind;
}

void llmq_backend_trouble_tell(llmq_call_t *call, llmq_backend_trouble_e trouble)
{
    call->ok = 0;
    call->failure = (llmq_failure_t){.kind = troubles[trouble].kind,
                                     .ours = troubles[trouble].stands};
    call->error = troubles[trouble].sentence;
}
