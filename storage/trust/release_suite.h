#ifndef LINNET_STORAGE_TRUST_RELEASE_SUITE_H_
#define LINNET_STORAGE_TRUST_RELEASE_SUITE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/trust/canonical_json.h"

namespace linnet::trust {

// What is signed beside a model "models/<family>/<name>": how it is cut, and what it must be able to do.
inline constexpr std::string_view kIndexSuffix = ".index.json";
inline constexpr std::string_view kSuiteSuffix = ".suite.json";

// A suite as a target: this module reads none (runtime/tools/eval_suite.h does).
inline constexpr uint64_t kMaxSuiteBytes = 256 << 10;
inline constexpr uint32_t kAllPpm = 1'000'000;

// Stands in a model's `custom` as "suite": which suite its devices ask, and how many of the answers must be
// right.
struct SuiteRule {
  std::string sha256;                                  // 32 bytes, of the target "<model>.suite.json"
  uint32_t least_ppm = kAllPpm;                        // 1 to 1,000,000
  bool Passes(uint64_t passed, uint64_t cases) const;  // false without cases
  Json ToJson() const;
};

// nullopt: the model was signed without one. DataLoss: its rule is malformed.
absl::StatusOr<std::optional<SuiteRule>> SuiteRuleOf(std::string_view custom_json);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_RELEASE_SUITE_H_
