#ifndef LINNET_AGENT_HTTP_OPENAI_SAMPLING_H_
#define LINNET_AGENT_HTTP_OPENAI_SAMPLING_H_

#include <nlohmann/json_fwd.hpp>

#include "agent/http/json_fields.h"
#include "runtime/sampler/options.h"

namespace linnet::http {

// How a chat completion is to be sampled. OpenAI's names: temperature (0 to 2, default 0: the same answer
// every time), top_p, frequency_penalty, presence_penalty (-2 to 2), logit_bias (an object: token id -> -100
// to 100), seed (without one two samples differ). Beside them llama.cpp's: top_k, min_p, typical_p,
// top_n_sigma, xtc_probability, xtc_threshold, repeat_penalty (or repetition_penalty), repeat_last_n,
// dry_multiplier, dry_base, dry_allowed_length, dry_penalty_last_n, dry_sequence_breakers, mirostat (0 or 2),
// mirostat_tau, mirostat_eta, dynatemp_range, dynatemp_exponent, samplers (a list of stages), and logit_bias
// as a list of [id, bias or false]. What they do and their defaults: runtime/sampler. Returns what is wrong,
// by parameter.
Problem ParseSampling(const nlohmann::json& root, sampler::SamplingOptions* out);

}  // namespace linnet::http

#endif  // LINNET_AGENT_HTTP_OPENAI_SAMPLING_H_
