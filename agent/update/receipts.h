#ifndef LINNET_AGENT_UPDATE_RECEIPTS_H_
#define LINNET_AGENT_UPDATE_RECEIPTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/update/link.h"
#include "agent/update/revocations.h"
#include "storage/trust/plan.h"

namespace linnet::update {

// Signed with the device's key. Errors: those of PrivateKey::Sign, which a key in memory does not have.
absl::StatusOr<Receipt> MakeReceipt(const Credentials& credentials, std::string_view plan_sha256,
                                    std::string_view model_sha256, Outcome outcome, uint64_t counter);

struct ReceiptRules {
  const trust::Plan& plan;
  std::string_view plan_sha256;
  const base::Certificate& fleet_root;
  absl::Time now;                            // max(clock, last believed)
  const Revocations* revocations = nullptr;  // null: none are known
};

// Does this receipt show that a device which `wave` may rely on passed this very plan? Its certificate may
// have expired since, as long as it held when the plan was signed or later. Unauthenticated: not signed by
// that device, the device is no member, or its key is not the one that the plan pins. FailedPrecondition:
// another plan or model, not a pass, or a device that does not count for this wave. PermissionDenied: the
// device, or its key, is on the site's list of revoked ones, whenever it passed.
absl::Status CheckReceipt(const Receipt& receipt, const ReceiptRules& rules, size_t wave);

// Distinct devices with a good receipt. `first_problem` (may be null) says why one did not count.
uint32_t CountPasses(const std::vector<Receipt>& receipts, const ReceiptRules& rules, size_t wave,
                     std::string* first_problem);

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_RECEIPTS_H_
