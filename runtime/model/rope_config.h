#ifndef LINNET_RUNTIME_MODEL_ROPE_CONFIG_H_
#define LINNET_RUNTIME_MODEL_ROPE_CONFIG_H_

#include "absl/status/status.h"
#include "runtime/model/config.h"
#include "runtime/model/metadata.h"

namespace linnet::model {

// Fills rope_dims, original_context, ropes, and plan[].rope; head_dim and the windows are known by then.
// Unimplemented names a kind of scaling that is not supported.
absl::Status ReadRope(const Metadata& metadata, Config& config);

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_ROPE_CONFIG_H_
