/**
 * @file slashes.h
 * Names with slashes in paths. Models have such names ("qwen/qwen3-8b"), and clients that put
 * one into a path write `%2F`, as they have to. httpd answers that with 404 before anybody
 * is asked (AllowEncodedSlashes), since paths are files to it. Below the models of a mount of
 * llmq-openai no path ever is one, so there the slash is decoded before httpd looks.
 */
#ifndef LLMQ_SLASHES_H
#define LLMQ_SLASHES_H

#include <httpd.h>

/**
 * Decode them where they may be.
 * @param r a request whose path has not been decoded yet
 * @return DECLINED always: the rest of the path is httpd's to decode
 * @phase hook pre_translate_name
 */
int llmq_slashes_decode(request_rec *r);

#endif /* LLMQ_SLASHES_H */
