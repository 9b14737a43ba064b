#ifndef LINNET_RUNTIME_SAMPLER_OPTIONS_H_
#define LINNET_RUNTIME_SAMPLER_OPTIONS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace linnet::sampler {

// The steps whose order is the caller's to choose. Names and default order are llama.cpp's (--samplers).
enum class Stage : uint8_t {
  kPenalties,    // "penalties": repetition, frequency, presence
  kDry,          // "dry"
  kTopNSigma,    // "top_n_sigma"
  kTopK,         // "top_k"
  kTypicalP,     // "typ_p"
  kTopP,         // "top_p"
  kMinP,         // "min_p"
  kXtc,          // "xtc"
  kTemperature,  // "temperature"
};
std::string_view Name(Stage stage);

std::vector<Stage> DefaultOrder();           // as they stand above
std::vector<std::string> DefaultBreakers();  // "\n", ":", "\"", "*"

// From the logits to one token: the grammar's mask and logit_bias first, then the stages in `order`, then one
// draw. A stage that is not in `order` does not run. With mirostat = 2 the stages from top_n_sigma to xtc do
// not run, wherever they stand: mirostat takes their place and the draw's. Everything is computed in double;
// random numbers are Philox4x32-10 (Salmon et al. 2011) at key = seed, counter = (position, which draw): the
// same text on every machine and thread count.
//
// The ranges are Validate's; each stage's file names its source.
struct SamplingOptions {
  float temperature = 0.0f;        // 0: greedy, ties to the lower id; at most 10
  float dynatemp_range = 0.0f;     // 0: off; else temperature +- this, by entropy; at most 10
  float dynatemp_exponent = 1.0f;  // (0, 100]
  uint32_t top_k = 40;             // 0: off
  float top_p = 0.95f;             // (0, 1]; 1: off
  float min_p = 0.05f;             // [0, 1); 0: off
  float typical_p = 1.0f;          // (0, 1]; 1: off
  float top_n_sigma = 0.0f;        // [0, 100]; 0: off

  float xtc_probability = 0.0f;  // [0, 1]; 0: off
  float xtc_threshold = 0.1f;    // [0, 1]; above 0.5: off

  uint32_t repetition_window = 64;  // tokens that the next three look back; 0: off
  float repetition_penalty = 1.0f;  // [1, 2]; 1: off
  float frequency_penalty = 0.0f;   // [-2, 2]; 0: off
  float presence_penalty = 0.0f;    // [-2, 2]; 0: off

  float dry_multiplier = 0.0f;      // [0, 1000]; 0: off
  float dry_base = 1.75f;           // [1, 100]
  uint32_t dry_allowed_length = 2;  // repeats shorter than this are free
  int32_t dry_penalty_last_n = -1;  // tokens that it looks back; -1: all, 0: off
  // A repeat never reaches over one of these. At most 64, each of 1 to 40 bytes.
  std::vector<std::string> dry_sequence_breakers = DefaultBreakers();

  uint32_t mirostat = 0;      // 0: off; 2: version 2
  float mirostat_tau = 5.0f;  // [0, 100], the surprise aimed at, in bits
  float mirostat_eta = 0.1f;  // [0, 1], how fast it learns

  // (token id, what is added to its logit), ids not twice; minus infinity forbids the token. At most 4,096.
  std::vector<std::pair<int32_t, float>> logit_bias;

  std::vector<Stage> order = DefaultOrder();
  uint64_t seed = 0;
};

// InvalidArgument names the option that is out of its range: "top_p: 1.5, expected more than 0, up to 1".
absl::Status Validate(const SamplingOptions& options);

// InvalidArgument: "samplers: ..." names an unknown name, or one that is there twice.
absl::StatusOr<std::vector<Stage>> ParseOrder(const std::vector<std::string>& names);

}  // namespace linnet::sampler

#endif  // LINNET_RUNTIME_SAMPLER_OPTIONS_H_
