#ifndef LINNET_COORDINATOR_NAMES_H_
#define LINNET_COORDINATOR_NAMES_H_

#include <string>

#include "linnet/fleet/v1/fleet.pb.h"

namespace linnet::coordinator {

// What operators read: "download", "neon_dotprod", "passed", "hash_mismatch"; empty for "unspecified" and
// "reason_none".
std::string NameOf(fleet::v1::UpdateState state);
std::string NameOf(fleet::v1::InstructionSet set);
std::string NameOf(fleet::v1::Outcome outcome);
std::string NameOf(fleet::v1::Reason reason);

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_NAMES_H_
