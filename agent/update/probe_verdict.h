#ifndef LINNET_AGENT_UPDATE_PROBE_VERDICT_H_
#define LINNET_AGENT_UPDATE_PROBE_VERDICT_H_

#include <string_view>

#include "absl/status/status.h"
#include "storage/repo/update_journal.h"

namespace linnet::update {

// What a probe said of the attempt's model, judged: sound, and as many of its suite's answers right as were
// signed. FailedPrecondition says which of the two is not so. What is not said is not passed.
absl::Status JudgeProbe(std::string_view json, const repo::UpdateAttempt& attempt);

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_PROBE_VERDICT_H_
