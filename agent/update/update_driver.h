#ifndef LINNET_AGENT_UPDATE_UPDATE_DRIVER_H_
#define LINNET_AGENT_UPDATE_UPDATE_DRIVER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/update/backoff.h"
#include "agent/update/link.h"
#include "agent/update/model_host.h"
#include "agent/update/probe.h"
#include "agent/update/revocations.h"
#include "agent/update/update_machine.h"
#include "agent/update/witness.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/mutex.h"
#include "storage/chunks/chunk_store.h"
#include "storage/repo/models.h"
#include "storage/repo/state_database.h"
#include "storage/repo/update_journal.h"
#include "storage/trust/updater.h"
#include "storage/trust/wave_filter.h"

namespace linnet::update {

class BundleLink;
struct PlanVerdict;

struct DriverOptions {
  std::string trust_dir;                    // holds root.json since enrolment
  absl::Duration poll = absl::Minutes(15);  // when the coordinator does not say
  absl::Duration retry_first = absl::Seconds(1), retry_most = absl::Hours(1);
  uint32_t trial_boots = 3;
  // A file that its owner offered comes with no plan to say these.
  absl::Duration offered_confirm_time = absl::Seconds(5);
  uint32_t offered_confirm_inferences = 1;
  uint64_t seed = 0;
  // What plans' filters ask of this device, and by whose clock a local window goes.
  trust::DeviceFacts facts;
  absl::TimeZone local_zone = absl::LocalTimeZone();
  // Tests: called after each saved state; true: the power goes now. The driver then does nothing any more.
  std::function<bool(State)> dies_after;
};

// Everything that the driver works on; all outlive it.
struct DriverParts {
  repo::StateDatabase& state;
  chunks::ChunkStore& store;
  base::FileSystem& fs;
  const base::Clock& clock;
  Link& link;
  Probe& probe;
  ModelHost& host;
  Revocations& revocations;
  Witness& witness;
};

// Walks the update machine: saves first, then acts. Every action may run twice, because the power may go
// after it and before the next save. One thread calls Resume, Step, Offer, InstallBundle and
// Finish; the rest is thread-safe.
class UpdateDriver {
 public:
  UpdateDriver(DriverOptions options, DriverParts parts);

  // Once, first: counts a trial's start (and rolls back a trial without starts left), loads the active model
  // into the host (the one before, if it is damaged), and picks up the attempt that was open. A model on
  // trial is hashed before, a committed one by a Step soon after. Errors: the database's, and the disk's
  // where the model lies; then a model on trial is not touched, the one before answers, and Step does it
  // again.
  absl::Status Resume();
  // Does one action. How long until the next is worth while; zero: at once.
  absl::Duration Step();
  // Once, last: this stop is meant. What it saves lets the next start cost a trial nothing. Does nothing
  // more.
  void Finish();
  // See FleetAgent::OfferModel. PermissionDenied also: this device is on the list of revoked ones. Runs Step
  // itself, up to activation.
  absl::StatusOr<std::string> Offer(const std::string& path, std::string_view target_name);
  // See FleetAgent::InstallBundle; else as Offer.
  absl::StatusOr<std::string> InstallBundle(const std::string& dir, std::string_view root_sha256);

  // What the coordinator says outside of a check-in. Thread-safe.
  void SetStop(bool stop) { stop_ = stop; }
  void CheckSoon() { check_soon_ = true; }  // however often: one check-in a second
  // Ends a download or a self-check under way, which the next start goes on with. Thread-safe.
  void Quit() { quit_ = true; }

  // Thread-safe.
  State state() const { return state_; }
  // An attempt is under way that does not give way to its owner's file.
  bool busy() const { return IsSaved(state_) && !repairing_; }
  std::string last_error() const;
  std::string active_target() const;

 private:
  using Edit = std::function<void(repo::UpdateAttempt&)>;

  absl::Time Now() const;  // max(clock, last believed)
  absl::Time RawNow() const { return parts_.clock.Now(); }

  // Saves the state that `event` leads to, with `edit` applied to the attempt, in one transaction with
  // `also`.
  absl::Status Advance(Event event, const Edit& edit = nullptr,
                       const std::function<absl::Status()>& also = nullptr);
  // Changes the attempt within its state.
  absl::Status SaveAttempt(const Edit& edit);
  // Ends the attempt: to REPORT or ROLLBACK, by kBroken.
  absl::Duration Break(Reason reason, std::string message);
  // Ends it, by kStopped, without a word about the model: its plan may start again here.
  absl::Duration EndUnjudged(Reason reason, const std::string& message);
  absl::Duration StopHere();
  absl::Duration Retry(const absl::Status& status);  // the same state later
  // By `reason`, unless it was this device that could not read or write just now: that says nothing about
  // the model, and is tried again.
  absl::Duration BreakOrRetry(Reason reason, const absl::Status& status);
  // Of a model that could not be loaded to the last: a file that could not be read says nothing about it.
  static Reason NotLoaded(const absl::Status& status);
  absl::Duration Later(const absl::Status& status);  // CHECK, METADATA, PLAN: back to IDLE
  // After Advance: at once, or after a pause when the database would not take it.
  absl::Duration Then(const absl::Status& saved);

  absl::Duration DoIdle();
  absl::Duration DoCheck();
  absl::Duration DoMetadata();
  absl::Duration DoPlan();
  absl::Duration DoDownload();
  absl::Duration DoVerify();
  absl::Duration DoStage();
  absl::Duration DoEval();
  absl::Duration DoActivate();
  absl::Duration DoConfirm();
  absl::Duration DoCommit();
  absl::Duration DoRollback();
  absl::Duration DoReport();

  // DOWNLOAD and EVAL (driver_download.cc).
  //
  // Asks the coordinator, when a check is due. True: it names another plan, which is signed, was made after
  // ours, and is to be followed here (newer_plan_).
  bool NewerPlanWaits();
  // What this device makes of the plan that a coordinator named, by metadata that were just refreshed.
  absl::StatusOr<PlanVerdict> Judge(const CheckInAnswer& answer, trust::Updater& updater, Link& link,
                                    const Credentials& credentials) const;
  absl::Duration Supersede();
  bool PlanHasExpired() const;

  // CONFIRM, and time (driver_confirm.cc).
  struct Trial {
    absl::Duration time;  // of up-time
    uint32_t inferences = 0;
  };
  Trial TrialOf() const;  // the plan's, or what an offered file gets
  // Adds what has passed since the last look at the clock to the up-time of this state.
  void CountTime();
  void CountFrom(absl::Duration state_time);
  // The state waits for somebody's word (a stop that holds a trial): until the next step its time stands
  // still, so that whoever makes it wait cannot let its time run out either.
  void StandStill() { stands_still_ = true; }
  bool IsOverdue() const;
  absl::Duration Overdue();
  uint64_t InferencesOnTrial() const;
  absl::Status SaveTrial(const Trial& trial);  // now and then
  // A device that nobody uses: the child answers the suite once more. On passing: confirmed.
  absl::Duration AskSuiteAgain();
  absl::StatusOr<std::string> WriteSuite();  // for the child; its path

  // Repairs (driver_repair.cc).
  //
  // Loads the active model; one on trial is hashed before, one that was committed afterwards, by Recheck.
  // Damaged: the previous one becomes active, if it is sound; it does not load: that one answers for this
  // run. On trial: back. `known`: not OK: it is damaged, why. Errors: the database's, the disk's.
  absl::Status LoadActive(absl::Status known = absl::OkStatus());
  // That of Resume, which has patience with a disk that is at fault.
  absl::Status LoadAtStart();
  absl::Status FallBack(const absl::Status& why);
  absl::Status LoadPreviousInstead(const repo::ModelSlots& slots, const absl::Status& why);
  void LoadAgain();  // the active model, which could not be read
  // Once after each load that did not hash, then now and then. Not on trial.
  bool RecheckIsDue();
  absl::Duration Recheck();
  absl::Duration UntilRepair();  // infinite: nothing is to be repaired, or not here
  absl::Duration BeginRepair();
  absl::Status LeaveRepair();  // to IDLE, for what its owner brings

  // By the poll, or by a hint; a hint never makes more than one check-in in the least time between polls.
  bool CheckIsDue();
  absl::StatusOr<CheckInAnswer> CheckIn();
  void TellProgress();  // best effort
  // Revocations (driver_revoked.cc).
  //
  // Takes the list that the metadata name. An error: one is named, and this device could not get it; then no
  // plan is looked at, so that who withholds the list delays. A list that is refused leaves the one before.
  absl::Status LearnRevocations(trust::Updater& updater, Link& link);
  // Once more before ACTIVATE, if the coordinator can be reached.
  void LookAgainForRevocations();
  // PermissionDenied: this device itself is on the list. Says so once in the log.
  absl::Status CheckNotRevoked();
  // How long, if the plan's window is not open (driver_window.cc). It goes on listening. Nothing is saved.
  std::optional<absl::Duration> WaitsForWindow();
  // What others showed of the coordinator's log meanwhile, if it can be reached.
  void LookAgainAtLog();

  absl::StatusOr<repo::ModelSlots> Slots();
  absl::Status SwitchTo(const std::string& sha256);  // empty: none
  void Collect();
  repo::InstalledModel ModelOfAttempt() const;
  void SetError(std::string message);
  // A stop is about plans: what the owner offers is the owner's business.
  bool Stopped() const { return stop_ && attempt_.has_value() && !attempt_->plan_sha256.empty(); }
  void SetState(State state) { state_ = state; }
  void NoteRepair();

  // Offer and InstallBundle.
  //
  // From the middle of a look at the coordinator, of which nothing is saved: it looks again afterwards.
  absl::Status LeaveCheck();
  absl::Status UnderWay() const;
  // Steps up to CONFIRM. The target, or Aborted with why it did not come to that.
  absl::StatusOr<std::string> RunOffered(const std::string& target, const std::string& from);
  absl::Status CopyTrust(const std::string& copy);
  absl::Status RemoveTrustCopy(const std::string& copy);
  // Takes a bundle's metadata into `store`.
  absl::StatusOr<std::unique_ptr<trust::Updater>> TrustBundle(trust::TrustStore& store, BundleLink& bundle,
                                                              std::string_view root_sha256);
  // kAccepted or kPresent; else an error says why not. `store`: that of `updater`.
  absl::StatusOr<PlanVerdict> CheckBundle(BundleLink& bundle, trust::Updater& updater,
                                          const trust::TrustStore& store);
  absl::StatusOr<trust::TargetInfo> FindOffered(const std::string& path, std::string_view target_name,
                                                const std::string& sha256, trust::Updater& updater,
                                                trust::MetadataFetcher& fetcher);

  const DriverOptions options_;
  DriverParts parts_;
  trust::TrustStore trust_;
  Backoff backoff_;

  std::atomic<State> state_{State::kIdle};
  std::atomic<bool> stop_{false}, check_soon_{false}, quit_{false};
  std::atomic<bool> repairing_{false};  // a download of what has rotted
  mutable base::Mutex mutex_;
  std::string last_error_ ABSL_GUARDED_BY(mutex_);
  std::string failure_;  // of the last attempt: told until another begins, however quiet the checks since
  std::string active_target_ ABSL_GUARDED_BY(mutex_);
  std::string revoked_ ABSL_GUARDED_BY(mutex_);  // what to say when this device is on the list

  // Of the driving thread.
  bool dead_ = false;
  bool resumed_ = false, boot_counted_ = false;
  int failed_loads_ = 0, failed_rechecks_ = 0;  // of the active model, by Resume
  std::optional<repo::UpdateAttempt> attempt_;  // as saved
  std::unique_ptr<trust::Updater> updater_;     // of this check
  CheckInAnswer answer_;
  uint64_t timestamp_version_ = 0;
  absl::Time next_check_ = absl::InfinitePast(), last_check_ = absl::InfinitePast();
  uint32_t check_tries_ = 0;
  std::string loaded_;         // sha256 of what the host runs
  absl::Duration state_time_;  // up-time in this state, over all starts
  bool stands_still_ = false;
  absl::Time counted_ = absl::InfiniteFuture();  // until when it is counted
  std::string damage_;      // what is damaged here, for people; empty: nothing that is to be repaired
  std::string newer_plan_;  // id
  absl::Time rechecked_ = absl::InfinitePast(), next_repair_ = absl::InfinitePast();
  // Of the trial. Inferences: before this start, and of the host's those that the device asked for itself.
  uint64_t inferences_before_ = 0, own_checks_ = 0;
  uint32_t failed_self_checks_ = 0, suite_crashes_ = 0, suite_not_run_ = 0;
  uint32_t refused_reports_ = 0;
};

// Serves the metadata that a trust store holds, for checks without a network.
class StoredMetadata final : public trust::MetadataFetcher {
 public:
  explicit StoredMetadata(const trust::TrustStore& store) : store_(store) {}
  absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t max_bytes) override;

 private:
  const trust::TrustStore& store_;
};

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_UPDATE_DRIVER_H_
