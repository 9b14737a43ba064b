#ifndef LINNET_TESTS_FUZZ_FLEET_ANSWERS_H_
#define LINNET_TESTS_FUZZ_FLEET_ANSWERS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "runtime/base/status_macros.h"

namespace linnet::testing {

// What the device does. Seeds have these numbers: new ones come last.
enum AnswerScene : uint8_t {
  kSceneCheck,     // looks for an update, and does what follows
  kSceneEnroll,    // joins, with a token
  kSceneRenew,     // its certificate
  kSceneWatch,     // holds a stream
  kSceneDownload,  // the chunks of a model
  kSceneSpare,     // peers, and chunks that they may have
  kSceneLog,       // the coordinator's log, of which it was shown a head
  kSceneCheckIn,   // nothing but that
  kAnswerScenes
};

inline constexpr size_t kMostAddresses = 16;

// For people: one line, and not without end.
inline void CheckText(const std::string& text) {
  LINNET_CHECK(text.size() <= 4096);
  LINNET_CHECK(std::none_of(text.begin(), text.end(),
                            [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }));
}

inline void CheckStatus(const absl::Status& status) {
  CheckText(std::string(status.message()));
  LINNET_CHECK(status.ok() || !status.message().empty());
}

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_FLEET_ANSWERS_H_
