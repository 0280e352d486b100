/* The table of directives, one row each; the setters stand in files by theme (cfg_set.h).
 * Setters that share a rule share a function and find their field by its offset. */
#include "cfg/cfg_set.h"

#define SERVER_OFF(f)  (void *)APR_OFFSETOF(llmq_cfg_server_t, f)
#define DIR_OFF(f)     (void *)APR_OFFSETOF(llmq_cfg_dir_t, f)
#define BACKEND_OFF(f) (void *)APR_OFFSETOF(llmq_backend_conf_t, f)

#define WHERE_DIR (RSRC_CONF | ACCESS_CONF)

const command_rec llmq_cfg_cmds[] = {
    AP_INIT_FLAG("LLMQDispatcher", llmq_cfg_global_set_dispatcher, NULL, RSRC_CONF,
                 "On if this server drains the queue, Off if it only accepts"),
    AP_INIT_TAKE1("LLMQNode", llmq_cfg_global_set_node, NULL, RSRC_CONF,
                  "the name of this server among those that share a database"),
    AP_INIT_TAKE1("LLMQNodeTimeout", llmq_cfg_global_set_duration,
                  SERVER_OFF(node_timeout), RSRC_CONF,
                  "how long a node may be silent before others take over its work"),
    AP_INIT_TAKE2("LLMQQueueSize", llmq_cfg_global_set_queue_size, NULL, RSRC_CONF,
                  "a level and the most messages that may wait in it"),
    AP_INIT_TAKE2("LLMQQueueConcurrency", llmq_cfg_global_set_queue_concurrency, NULL,
                  RSRC_CONF,
                  "a level and the most messages of it that are processed at once"),
    AP_INIT_TAKE1("LLMQStoreTimeout", llmq_cfg_global_set_duration,
                  SERVER_OFF(store_timeout), RSRC_CONF,
                  "the longest wait of a request for the database"),
    AP_INIT_TAKE1("LLMQCommitRows", llmq_cfg_global_set_count,
                  SERVER_OFF(commit.max_rows), RSRC_CONF,
                  "the most messages of one transaction"),
    AP_INIT_TAKE12("LLMQCommitDelay", llmq_cfg_global_set_commit_delay, NULL, RSRC_CONF,
                   "how long a transaction waits for more messages, and until how many"),
    AP_INIT_TAKE12(
        "LLMQRetryDelay", llmq_cfg_global_set_retry_delay, NULL, RSRC_CONF,
        "the first delay before a failed message is tried again, and the longest"),
    AP_INIT_TAKE1("LLMQDispatchBatch", llmq_cfg_global_set_count, SERVER_OFF(batch),
                  RSRC_CONF, "the most messages that the dispatcher takes at a time"),

    AP_INIT_RAW_ARGS("<LLMQBackend", llmq_cfg_backend_block, NULL, RSRC_CONF,
                     "a language model and how to talk to it"),
    AP_INIT_TAKE1("LLMQBackendKind", llmq_cfg_backend_set_kind, NULL, RSRC_CONF,
                  "echo or openai"),
    AP_INIT_TAKE1("LLMQBackendURL", llmq_cfg_backend_set_url, NULL, RSRC_CONF,
                  "the base URL, /chat/completions is added"),
    AP_INIT_TAKE1("LLMQBackendModel", llmq_cfg_backend_set_model, NULL, RSRC_CONF,
                  "the model to ask for"),
    AP_INIT_TAKE1("LLMQBackendKeyFile", llmq_cfg_backend_set_key_file, NULL, RSRC_CONF,
                  "a file that holds the bearer key"),
    AP_INIT_FLAG("LLMQBackendStream", llmq_cfg_backend_set_stream, NULL, RSRC_CONF,
                 "On to receive answers as a stream"),
    AP_INIT_TAKE1("LLMQBackendConcurrency", llmq_cfg_backend_set_concurrency, NULL,
                  RSRC_CONF, "the most calls in flight"),
    AP_INIT_TAKE1("LLMQBackendConnectTimeout", llmq_cfg_backend_set_duration,
                  BACKEND_OFF(connect_timeout), RSRC_CONF,
                  "the longest wait for a connection"),
    AP_INIT_TAKE1("LLMQBackendFirstTimeout", llmq_cfg_backend_set_duration,
                  BACKEND_OFF(first_timeout), RSRC_CONF,
                  "the longest wait for the first byte of an answer"),
    AP_INIT_TAKE1("LLMQBackendTotalTimeout", llmq_cfg_backend_set_duration,
                  BACKEND_OFF(total_timeout), RSRC_CONF,
                  "the longest wait for a whole answer"),
    AP_INIT_TAKE1("LLMQBackendMaxAnswer", llmq_cfg_backend_set_max_answer, NULL,
                  RSRC_CONF, "the largest answer in bytes"),

    AP_INIT_TAKE1("LLMQTenant", llmq_cfg_location_set_tenant, NULL, WHERE_DIR,
                  "the tenant that everything here belongs to"),
    AP_INIT_TAKE1("LLMQMaxContent", llmq_cfg_location_set_max_content, NULL, WHERE_DIR,
                  "the longest content of a message in bytes"),
    AP_INIT_TAKE1("LLMQMaxDepth", llmq_cfg_location_set_max_depth, NULL, WHERE_DIR,
                  "the deepest nesting of JSON that is read"),
    AP_INIT_TAKE1("LLMQMaxRetries", llmq_cfg_location_set_max_retries, NULL, WHERE_DIR,
                  "how often a failed message is tried again"),
    AP_INIT_TAKE1("LLMQTimeout", llmq_cfg_location_set_duration, DIR_OFF(timeout),
                  WHERE_DIR, "the longest time of one attempt"),
    AP_INIT_TAKE1(
        "LLMQRetryAfter", llmq_cfg_location_set_duration, DIR_OFF(retry_after), WHERE_DIR,
        "what Retry-After says when the queue or the database cannot take more"),
    AP_INIT_RAW_ARGS("SetHandler", llmq_cfg_location_hear_handler, NULL, OR_FILEINFO,
                     "(also heard by mod_llmq: llmq-queue, llmq-health)"),
    {NULL}};
