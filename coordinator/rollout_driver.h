#ifndef LINNET_COORDINATOR_ROLLOUT_DRIVER_H_
#define LINNET_COORDINATOR_ROLLOUT_DRIVER_H_

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/cohort.h"
#include "coordinator/notifier.h"
#include "coordinator/rollout_machine.h"
#include "linnet/admin/v1/admin.pb.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "runtime/base/clock.h"
#include "runtime/base/x509.h"
#include "storage/trust/plan.h"

namespace linnet::coordinator {

// Counts what devices say about plans, opens waves, halts. It saves first, then tells (rollout_machine.h has
// the states). It carries signed plans; it can delay devices, never push them: each checks the plan, its wave
// and the receipts itself. Thread-safe.
class RolloutDriver {
 public:
  static absl::StatusOr<std::unique_ptr<RolloutDriver>> Load(FleetDatabase& fleet, Cohort& cohort,
                                                             Notifiers& notifiers,
                                                             base::Certificate fleet_root,
                                                             const base::Clock& clock);

  // A published plan becomes the running rollout; the one before is superseded. Again the same plan: OK while
  // it runs. Returns the rollout's id. DataLoss, FailedPrecondition: the plan.
  absl::StatusOr<std::string> Start(std::string_view actor, std::string_view target,
                                    std::string_view plan_sha256, std::string_view plan_json);
  // Empty id: the newest rollout. NotFound; FailedPrecondition: it has ended.
  absl::Status Stop(std::string_view actor, std::string_view id);

  // The same for pausing.
  absl::Status Pause(std::string_view actor, std::string_view id);
  // A published lift that the plans key signed: paused or halted goes on. Returns the rollout's id. NotFound;
  // FailedPrecondition: it has expired, was used, is of another plan, forgives too little, or the rollout has
  // ended.
  absl::StatusOr<std::string> Lift(std::string_view actor, const trust::Lift& lift);

  // Fills in what concerns this device: plan, stop, receipts.
  void Answer(std::string_view device, std::string_view model_sha256, fleet::v1::CheckInResponse& response);
  // The outcome of an update. `device` is the sender by its certificate. PermissionDenied: the receipt is
  // another device's or its signature is wrong; NotFound: of no plan known here. Older than what is known:
  // OK, nothing changes.
  absl::Status Report(std::string_view device, const fleet::v1::ReportRequest& request);
  // Looks at the clock and at the members: opens waves whose soak is over, pauses expired plans, completes.
  // Returns when it wants to be called again, at the latest.
  absl::Time Tick();

  bool stopping();
  uint64_t revision();  // grows with every change that a device might want to hear of
  std::vector<admin::v1::Rollout> List();
  // NotFound. Empty id: the newest.
  absl::StatusOr<admin::v1::Rollout> View(std::string_view id);
  absl::StatusOr<admin::v1::GetPlanResponse> SignedPlan(std::string_view id);

 private:
  struct PassesOfWave {
    uint64_t heard = 0, revocations = 0;  // as of when
    std::vector<const repo::ReceiptRow*> passes;
  };
  struct Rollout {
    repo::RolloutRow row;
    trust::Plan plan;
    std::map<std::string, repo::ReceiptRow, std::less<>> receipts;  // by device
    // What a check-in asks for, kept: a fleet in the middle of a rollout asks thousands of times a second.
    mutable std::unordered_map<std::string, int> waves;  // by device; -1: no wave
    mutable std::map<size_t, PassesOfWave> passes;
    uint64_t heard = 1;  // grows with each receipt that later waves count

    int WaveOf(const std::string& device) const;
    RolloutState state() const { return static_cast<RolloutState>(row.state); }
    uint32_t most_failures() const {
      return row.most_failures != 0 ? row.most_failures : std::max<uint32_t>(plan.most_failures, 1);
    }
    uint32_t failures() const;
  };

  RolloutDriver(FleetDatabase& fleet, Cohort& cohort, Notifiers& notifiers, base::Certificate fleet_root,
                const base::Clock& clock)
      : fleet_(fleet),
        cohort_(cohort),
        notifiers_(notifiers),
        fleet_root_(std::move(fleet_root)),
        clock_(clock) {}

  Rollout* Find(std::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  // The passes that count for `wave`, as they arrived: of its earlier waves' members that are not revoked.
  std::vector<const repo::ReceiptRow*> PassesBefore(const Rollout& rollout, size_t wave) const;
  // Signed under the key that the plan pins for this device?
  static bool UnderPinnedKey(const trust::Plan& plan, const repo::ReceiptRow& receipt);
  // An operator's online word, which may only make devices do less.
  absl::Status Hold(std::string_view actor, std::string_view id, RolloutEvent event);
  // `rollout` has completed: what it was signed to take back is taken back. Inside a transaction.
  absl::Status EndRollBack(const Rollout& rollout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  // The same, kept until something changes.
  const std::vector<const repo::ReceiptRow*>& ReceiptsFor(const Rollout& rollout, size_t wave) const;
  absl::Time NextWaveOpens(const Rollout& rollout) const;
  static std::vector<absl::Time> Times(const std::vector<const repo::ReceiptRow*>& receipts);
  absl::Status Apply(Rollout& rollout, RolloutEvent event, std::string_view actor, std::string_view why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  // All that follows from the receipts, the members and the time. Inside a transaction.
  absl::Status Settle(Rollout& rollout, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  absl::Status OpenWaves(Rollout& rollout, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  absl::Status VerifyReceipt(const Rollout& rollout, std::string_view device,
                             const fleet::v1::Receipt& receipt) const;
  // Runs `change` in a transaction; when that fails, memory follows the disk again.
  absl::Status Transact(const std::function<absl::Status()>& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  absl::Status Reload() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  // Memory is what is on the disk, or an error: a change was not saved, and could not be taken back yet.
  absl::Status Fresh() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  admin::v1::Rollout ViewOf(const Rollout& rollout) const;

  FleetDatabase& fleet_;
  Cohort& cohort_;
  Notifiers& notifiers_;
  const base::Certificate fleet_root_;
  const base::Clock& clock_;
  std::vector<Rollout> rollouts_ ABSL_GUARDED_BY(fleet_.mutex);  // oldest first
  bool stale_ ABSL_GUARDED_BY(fleet_.mutex) = false;
  uint64_t revision_ ABSL_GUARDED_BY(fleet_.mutex) = 0;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_ROLLOUT_DRIVER_H_
