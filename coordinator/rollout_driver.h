#ifndef LINNET_COORDINATOR_ROLLOUT_DRIVER_H_
#define LINNET_COORDINATOR_ROLLOUT_DRIVER_H_

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/cohort.h"
#include "coordinator/notifier.h"
#include "coordinator/rollout_machine.h"
#include "coordinator/rollout_record.h"
#include "linnet/admin/v1/admin.pb.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "runtime/base/clock.h"
#include "runtime/base/x509.h"
#include "storage/trust/plan.h"

namespace linnet::coordinator {

// Lines of devices in one message, for whom does not ask for fewer: of at most 250 bytes each.
inline constexpr uint32_t kMostDeviceLines = 10'000;
template <typename Request>
uint32_t MostLines(const Request& request) {
  return request.has_most_devices() ? std::min(request.most_devices(), kMostDeviceLines) : kMostDeviceLines;
}

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

  // Fills in what concerns this device, which says `report` now: plan, stop, receipts. No plan also where as
  // many devices are in flight as its wave allows.
  void Answer(const std::string& device, const repo::DeviceReport& report,
              fleet::v1::CheckInResponse& response);
  // That an update goes on, or its outcome. `device` is the sender by its certificate. PermissionDenied: the
  // receipt is another device's or its signature is wrong; NotFound: of no plan known here. Older than what
  // is known: OK, nothing changes.
  absl::Status Report(const std::string& device, const fleet::v1::ReportRequest& request);
  // Looks at the clock and at the members: opens waves whose soak is over, judges those whose deadline is,
  // pauses expired plans, completes.
  // Returns when it wants to be called again, at the latest.
  absl::Time Tick();

  bool stopping();
  uint64_t revision();  // grows with every change that a device might want to hear of
  // What operators see (rollout_view.cc). A rollout brings a line a device when it covers at most so many of
  // them, else none, and says so. Oldest first; `after`: those after this rollout, at most `most`.
  std::vector<admin::v1::Rollout> List(std::string_view after, size_t most, uint32_t most_devices);
  // NotFound. Empty id: the newest.
  absl::StatusOr<admin::v1::Rollout> View(std::string_view id, uint32_t most_devices);
  // The lines, a page of them. NotFound.
  absl::StatusOr<admin::v1::ListProgressResponse> Progress(const admin::v1::ListProgressRequest& request);
  absl::StatusOr<admin::v1::GetPlanResponse> SignedPlan(std::string_view id);

 private:
  RolloutDriver(FleetDatabase& fleet, Cohort& cohort, Notifiers& notifiers, base::Certificate fleet_root,
                const base::Clock& clock)
      : fleet_(fleet),
        cohort_(cohort),
        notifiers_(notifiers),
        fleet_root_(std::move(fleet_root)),
        clock_(clock) {}

  RolloutRecord* Find(std::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  // An operator's online word, which may only make devices do less.
  absl::Status Hold(std::string_view actor, std::string_view id, RolloutEvent event);
  // FailedPrecondition: with this lift the rollout would halt or pause again at once. `what`: begins the
  // message.
  static absl::Status CheckGoesOn(RolloutRecord& rollout, const trust::Lift& lift, const std::string& what);
  // `rollout` has completed: what it was signed to take back is taken back. Inside a transaction.
  absl::Status EndRollBack(const RolloutRecord& rollout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  absl::Status Apply(RolloutRecord& rollout, RolloutEvent event, std::string_view actor, std::string_view why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  // All that follows from the receipts, the members and the time (rollout_settle.cc). Inside a transaction.
  absl::Status Settle(RolloutRecord& rollout, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  absl::Status OpenWaves(RolloutRecord& rollout, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  // Judges waves of which nothing more is expected: pauses, or writes down who was not reached.
  absl::Status CloseWaves(RolloutRecord& rollout, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  absl::Status Complete(RolloutRecord& rollout, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  static std::string WhyMissed(RolloutRecord& rollout, size_t wave, bool late);
  static absl::Time NextTick(RolloutRecord& rollout, absl::Time now);
  // Some of the turns that the disk does not know. Inside a transaction.
  absl::Status SaveTurns(RolloutRecord& rollout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  // The passes that a device of `wave` asks for.
  static void AddReceipts(RolloutRecord& rollout, const std::string& device, const repo::DeviceReport& report,
                          size_t wave, fleet::v1::CheckInResponse& response);
  absl::Status VerifyReceipt(const RolloutRecord& rollout, std::string_view device,
                             const fleet::v1::Receipt& receipt) const;
  // Runs `change` in a transaction; when that fails, memory follows the disk again.
  absl::Status Transact(const std::function<absl::Status()>& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  absl::Status Reload() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  // Memory is what is on the disk, or an error: a change was not saved, and could not be taken back yet.
  absl::Status Fresh() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);
  bool HasReports();  // of the newest rollout
  // Counts ahead, with pauses in which others get the lock.
  void CountInSlices(std::string_view id);
  admin::v1::Rollout ViewOf(RolloutRecord& rollout, uint32_t most_devices) const;
  static void FillWave(RolloutRecord& rollout, size_t index, absl::Time now, admin::v1::Wave& wave);
  // False: the plan does not cover the device, or it was revoked and said nothing.
  static bool LineOf(RolloutRecord& rollout, const repo::DeviceRow& device, absl::Time now,
                     admin::v1::DeviceProgress& line);

  FleetDatabase& fleet_;
  Cohort& cohort_;
  Notifiers& notifiers_;
  const base::Certificate fleet_root_;
  const base::Clock& clock_;
  std::vector<RolloutRecord> rollouts_ ABSL_GUARDED_BY(fleet_.mutex);  // oldest first
  bool stale_ ABSL_GUARDED_BY(fleet_.mutex) = false;
  uint64_t revision_ ABSL_GUARDED_BY(fleet_.mutex) = 0;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_ROLLOUT_DRIVER_H_
