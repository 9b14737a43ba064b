#ifndef LINNET_DEPLOY_PROBE_SAMPLING_FLAGS_H_
#define LINNET_DEPLOY_PROBE_SAMPLING_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/sampler/options.h"

namespace CLI {
class App;
}

namespace linnet::probe {

// Every sampling option as a flag: ours, and llama.cpp's name where it has another.
struct SamplingFlags {
  sampler::SamplingOptions options;
  std::string samplers;                   // "top_k;temperature"
  std::vector<std::string> logit_biases;  // "ID=BIAS", BIAS a number or "never"

  void Add(CLI::App* app);
  // What the flags say together. InvalidArgument names the flag that makes no sense.
  absl::StatusOr<sampler::SamplingOptions> Parse() const;
};

// "keep=N" or "keep=all"; nothing for an empty text.
absl::StatusOr<std::optional<uint32_t>> ParseContextShift(const std::string& text);

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_SAMPLING_FLAGS_H_
