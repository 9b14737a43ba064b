#ifndef LINNET_COORDINATOR_ROLLOUT_RECORD_H_
#define LINNET_COORDINATOR_ROLLOUT_RECORD_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "coordinator/cohort.h"
#include "coordinator/rollout_machine.h"
#include "coordinator/wave_progress.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "storage/repo/rollouts.h"
#include "storage/trust/plan.h"

namespace linnet::coordinator {

inline bool Passed(const repo::ReceiptRow& receipt) { return receipt.outcome == fleet::v1::PASSED; }
// A device that says so is in the middle of an attempt: from DOWNLOAD on.
bool IsUnderWay(int update_state);
// What filters ask, as far as this report tells.
trust::DeviceFacts FactsOf(const repo::DeviceReport& report);

// One rollout in memory: its row, its signed plan, what devices said, and what follows for one device or one
// wave. It changes no disk: RolloutDriver does, and holds FleetDatabase::mutex. A device has a turn here
// from when it was told of the plan; nothing is kept of the others.
class RolloutRecord {
 public:
  // `cohort` outlives it. `receipts`, `turns`: of the disk.
  RolloutRecord(const Cohort& cohort, repo::RolloutRow row, trust::Plan plan,
                std::vector<repo::ReceiptRow> receipts, std::vector<repo::TurnRow> turns);

  repo::RolloutRow row;
  trust::Plan plan;

  RolloutState state() const { return static_cast<RolloutState>(row.state); }
  // The rollout halts at so many failures.
  uint32_t most_failures() const {
    return row.most_failures != 0 ? row.most_failures : std::max<uint32_t>(plan.most_failures, 1);
  }
  // A signed lift has named a number of failures: they are counted by that alone.
  bool forgiven() const { return row.most_failures != 0; }
  uint32_t failures() const { return failures_; }

  const std::map<std::string, repo::ReceiptRow, std::less<>>& receipts() const { return receipts_; }
  const repo::TurnRow* TurnOf(const std::string& device) const;
  bool HasStarted(const std::string& device) const;

  // The wave of a device, by the filters too; what is not known of it fits. -1: none. Once it has started,
  // the wave in which it did.
  int WaveOf(const std::string& device, const repo::DeviceReport& report);

  // Is that the wave that the device finds itself in, too? Not sure where a fact that a filter asks is
  // missing.
  bool KnowsWaveOf(const std::string& device, const repo::DeviceReport& report) const;

  // Is there a member that a wave covers, that has not reported, and whose wave is not past its deadline? It
  // remembers whom it found, so that asking after every report costs one walk over the members in all.
  bool WaitsForSomebody(absl::Time now);
  // Of each wave. Counted once, then kept: the first time it looks at all members.
  const std::vector<WaveCounts>& Counts();
  // Looks at so many more. False: there are others still.
  bool CountOn(size_t most);
  // As thresholds see them: without what was forgiven.
  WaveCounts Judged(size_t wave);
  // InfiniteFuture: it has none, or is not open.
  absl::Time DeadlineOf(size_t wave) const;
  // Have all that the wave covers reported? (False while it covers nobody.)
  bool AllReported(size_t wave);
  // The passes that count for `wave`, as they arrived: of its earlier waves' members that are not revoked.
  // The reference holds until a receipt arrives or the members change.
  const std::vector<const repo::ReceiptRow*>& PassesBefore(size_t wave);
  // When the wave after those that are open may open; InfiniteFuture: not with what was heard.
  absl::Time NextWaveOpens();
  // Names of devices of the wave that never started, at most `most`, "a, b and 3 more"; empty: none.
  std::string Unreached(size_t wave, size_t most);
  uint32_t InFlight(size_t wave, absl::Time now);
  // Signed under the key that the plan pins for this device?
  bool UnderPinnedKey(const repo::ReceiptRow& receipt) const;

  // The device is about to hear of the plan. False: as many are in flight as the wave allows, it has to wait.
  bool Tell(const std::string& device, size_t wave, absl::Time now);
  // It has begun what it was told of; nothing happens if it was not, or began before.
  void Start(const std::string& device, absl::Time now);
  // `receipt` takes the place of an older one.
  void Hear(const repo::ReceiptRow& receipt);

  // Turns that the disk does not know yet, at most `most`.
  std::vector<repo::TurnRow> TakeUnsaved(size_t most);
  bool has_unsaved() const { return !unsaved_.empty(); }

 private:
  struct Placed {
    int by_id = -1;  // without filters
    int wave = -1;
    trust::DeviceFacts facts;  // for which `wave` holds
    bool asked = false;
  };
  struct PassesOfWave {
    uint64_t heard = 0, revocations = 0;  // as of when
    std::vector<const repo::ReceiptRow*> passes;
  };
  struct Flight {
    std::set<std::string, std::less<>> devices;
    absl::Time looked;  // when those that fell silent were sorted out last
  };

  Placed& Place(const std::string& device);
  // Adds the device to the counts, or takes it out. Nothing, if they are to be made anew anyway.
  void Count(const std::string& device, int sign);
  void Add(const std::string& device, const repo::DeviceRow& member, int sign);
  // Whether what is counted so far still holds, but for who has joined since.
  bool CountsHold() const;
  void CountJoined();
  // A device's first receipt, which has just come, into what is kept; what it does not fit into is made anew.
  void KeepPass(const repo::ReceiptRow& receipt, int own_wave);
  bool FellSilent(const std::string& device, absl::Time now) const;
  // When the wave's own share of successes was reached.
  absl::Time SucceededAt(size_t wave);

  const Cohort* cohort_;
  bool filters_ = false;
  std::map<std::string, repo::ReceiptRow, std::less<>> receipts_;  // by device
  std::map<std::string, repo::TurnRow, std::less<>> turns_;        // by device
  std::vector<std::string> unsaved_;
  uint32_t failures_ = 0;
  // What a check-in asks for, kept: a fleet in the middle of a rollout asks thousands of times a second.
  std::unordered_map<std::string, Placed> placed_;
  std::map<size_t, PassesOfWave> passes_;
  uint64_t heard_ = 1;   // grows with each receipt that later waves count
  std::string awaited_;  // one that has not reported, when it was asked last
  std::vector<WaveCounts> counts_;
  uint64_t counted_members_ = 0, counted_facts_ = 0;  // as of when; 0: never
  size_t counted_joins_ = 0;                          // of Cohort::joined
  bool all_counted_ = false;
  std::string count_next_;       // else: members before this id
  std::vector<Flight> flights_;  // of each wave
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_ROLLOUT_RECORD_H_
