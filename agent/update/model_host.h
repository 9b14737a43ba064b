#ifndef LINNET_AGENT_UPDATE_MODEL_HOST_H_
#define LINNET_AGENT_UPDATE_MODEL_HOST_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace linnet::update {

// Whoever runs the model, as the update machine sees it. Called from the update thread only, one call at a
// time; the implementation serves its users meanwhile.
class ModelHost {
 public:
  virtual ~ModelHost() = default;
  // Loads the file, then answers with it; requests under way finish on the old one. When it fails, the old
  // model goes on. Empty path: runs no model. Blocks until done.
  virtual absl::Status Switch(const std::string& path) = 0;
  // One short generation on the model that Switch loaded last. Counted in inferences() when it succeeds.
  virtual absl::Status SelfCheck() = 0;
  // Generations that ended well since the last Switch.
  virtual uint64_t inferences() const = 0;
};

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_MODEL_HOST_H_
