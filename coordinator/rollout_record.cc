#include "coordinator/rollout_record.h"

#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/names.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "runtime/base/x509.h"

namespace linnet::coordinator {
namespace {

// Who was told and has not begun by then has decided otherwise (a soak, no room): another may go.
constexpr absl::Duration kBegins = absl::Minutes(5);
// Who has begun and was not heard of for so long is taken for gone, as far as the others have to wait for it.
// A long download is silent, too: then some more than the plan says are under way for a while.
constexpr absl::Duration kGone = absl::Hours(1);
constexpr absl::Duration kLookAgain = absl::Seconds(1);

bool Earlier(const repo::ReceiptRow* a, const repo::ReceiptRow* b) {
  return std::tie(a->received, a->device) < std::tie(b->received, b->device);
}

bool HasBegun(const repo::TurnRow& turn) { return turn.started > absl::UnixEpoch(); }

}  // namespace

bool IsUnderWay(int update_state) { return update_state >= fleet::v1::DOWNLOAD; }

trust::DeviceFacts FactsOf(const repo::DeviceReport& report) {
  trust::DeviceFacts facts{.kernels = NameOf(static_cast<fleet::v1::InstructionSet>(report.instruction_set)),
                           .architecture = "",
                           .ram_mib = report.ram_mib,
                           .cores = report.cores,
                           .agent_version = report.agent_version};
  facts.architecture = trust::ArchitectureOf(facts.kernels);
  return facts;
}

RolloutRecord::RolloutRecord(const Cohort& cohort, repo::RolloutRow of_row, trust::Plan of_plan,
                             std::vector<repo::ReceiptRow> receipts, std::vector<repo::TurnRow> turns)
    : row(std::move(of_row)),
      plan(std::move(of_plan)),
      cohort_(&cohort),
      filters_(plan.HasFilters()),
      flights_(plan.waves.size()) {
  for (repo::TurnRow& turn : turns) {
    if (turn.wave >= plan.waves.size()) continue;
    if (plan.waves[turn.wave].most_in_flight > 0) flights_[turn.wave].devices.insert(turn.device);
    std::string device = turn.device;
    turns_.emplace(std::move(device), std::move(turn));
  }
  for (repo::ReceiptRow& receipt : receipts) {
    for (Flight& flight : flights_) flight.devices.erase(receipt.device);
    failures_ += Passed(receipt) ? 0 : 1;
    std::string device = receipt.device;
    receipts_.emplace(std::move(device), std::move(receipt));
  }
}

const repo::TurnRow* RolloutRecord::TurnOf(const std::string& device) const {
  const auto turn = turns_.find(device);
  return turn == turns_.end() ? nullptr : &turn->second;
}

bool RolloutRecord::HasStarted(const std::string& device) const {
  const repo::TurnRow* turn = TurnOf(device);
  // One that a program before turns heard of has a receipt only.
  return (turn != nullptr && HasBegun(*turn)) || receipts_.contains(device);
}

RolloutRecord::Placed& RolloutRecord::Place(const std::string& device) {
  const auto known = placed_.find(device);
  if (known != placed_.end()) return known->second;
  const absl::StatusOr<size_t> wave = plan.WaveOf(device);
  Placed placed;
  placed.by_id = placed.wave = wave.ok() ? static_cast<int>(*wave) : -1;
  return placed_.emplace(device, std::move(placed)).first->second;
}

int RolloutRecord::WaveOf(const std::string& device, const repo::DeviceReport& report) {
  if (filters_) {
    if (const repo::TurnRow* turn = TurnOf(device); turn != nullptr && HasBegun(*turn)) {
      return static_cast<int>(turn->wave);
    }
  }
  Placed& placed = Place(device);
  if (!filters_ || placed.by_id < 0) return placed.by_id;
  trust::DeviceFacts facts = FactsOf(report);
  if (!placed.asked || placed.facts != facts) {
    const absl::StatusOr<size_t> wave = plan.WaveOf(device, facts, /*unknown_fits=*/true);
    placed = {placed.by_id, wave.ok() ? static_cast<int>(*wave) : -1, std::move(facts), true};
  }
  return placed.wave;
}

bool RolloutRecord::KnowsWaveOf(const std::string& device, const repo::DeviceReport& report) const {
  if (!filters_) return true;
  const trust::DeviceFacts facts = FactsOf(report);
  const absl::StatusOr<size_t> sure = plan.WaveOf(device, facts, /*unknown_fits=*/false);
  const absl::StatusOr<size_t> perhaps = plan.WaveOf(device, facts, /*unknown_fits=*/true);
  return sure.ok() && perhaps.ok() && *sure == *perhaps;
}

bool RolloutRecord::CountsHold() const {
  return counted_members_ == cohort_->changes() && (!filters_ || counted_facts_ == cohort_->facts_changes());
}

void RolloutRecord::Add(const std::string& device, const repo::DeviceRow& member, int sign) {
  if (member.revoked) return;
  const int wave = WaveOf(device, member.report);
  if (wave < 0) return;
  WaveCounts& counts = counts_[static_cast<size_t>(wave)];
  const auto add = [sign](uint32_t& number) { number += static_cast<uint32_t>(sign); };
  add(counts.covered);
  if (!HasStarted(device)) return;
  add(counts.started);
  if (const auto receipt = receipts_.find(device); receipt != receipts_.end()) {
    add(Passed(receipt->second) ? counts.passed : counts.failed);
  }
}

void RolloutRecord::CountJoined() {
  const std::vector<std::string>& joined = cohort_->joined();
  for (; counted_joins_ < joined.size(); ++counted_joins_) {
    const std::string& id = joined[counted_joins_];
    if (!all_counted_ && id >= count_next_) continue;  // its turn comes
    if (const repo::DeviceRow* member = cohort_->Find(id); member != nullptr) Add(id, *member, 1);
  }
}

void RolloutRecord::Count(const std::string& device, int sign) {
  if (!CountsHold()) return;
  CountJoined();
  if (!all_counted_ && device >= count_next_) return;
  if (const repo::DeviceRow* member = cohort_->Find(device); member != nullptr) Add(device, *member, sign);
}

bool RolloutRecord::CountOn(size_t most) {
  if (!CountsHold()) {
    counts_.assign(plan.waves.size(), {});
    counted_members_ = cohort_->changes();
    counted_facts_ = cohort_->facts_changes();
    counted_joins_ = cohort_->joined().size();
    all_counted_ = false;
    count_next_.clear();
  }
  CountJoined();
  if (all_counted_) return true;
  const Cohort::Members& all = cohort_->all();
  auto next = all.lower_bound(count_next_);
  for (; next != all.end() && most > 0; ++next, --most) Add(next->first, next->second, 1);
  all_counted_ = next == all.end();
  if (!all_counted_) count_next_ = next->first;
  return all_counted_;
}

const std::vector<WaveCounts>& RolloutRecord::Counts() {
  CountOn(SIZE_MAX);
  return counts_;
}

bool RolloutRecord::WaitsForSomebody(absl::Time now) {
  const auto is_awaited = [&](const auto& entry) {
    const auto& [id, member] = entry;
    if (member.revoked || receipts_.contains(id)) return false;
    const int wave = WaveOf(id, member.report);
    return wave >= 0 && now < DeadlineOf(static_cast<size_t>(wave));
  };
  const auto& all = cohort_->all();
  const auto from = all.lower_bound(awaited_);
  auto found = std::find_if(from, all.end(), is_awaited);
  if (found == all.end()) {
    found = std::find_if(all.begin(), from, is_awaited);
    if (found == from) return false;
  }
  awaited_ = found->first;
  return true;
}

WaveCounts RolloutRecord::Judged(size_t wave) {
  const WaveCounts counts = Counts()[wave];
  return forgiven() ? counts.WithoutFailures() : counts;
}

absl::Time RolloutRecord::DeadlineOf(size_t wave) const {
  const absl::Duration after = plan.waves[wave].deadline;
  if (after == absl::ZeroDuration() || wave >= row.waves_opened.size()) return absl::InfiniteFuture();
  // A lift gives what is open as much time again.
  return std::max(row.waves_opened[wave], row.lifted) + after;
}

bool RolloutRecord::AllReported(size_t wave) {
  const WaveCounts& counts = Counts()[wave];
  return counts.covered > 0 && counts.finished() == counts.covered;
}

bool RolloutRecord::UnderPinnedKey(const repo::ReceiptRow& receipt) const {
  const auto leaf = base::Certificate::FromDer(receipt.leaf);
  return leaf.ok() && plan.Pins(receipt.device, base::AsView(leaf->SpkiSha256()));
}

const std::vector<const repo::ReceiptRow*>& RolloutRecord::PassesBefore(size_t wave) {
  PassesOfWave& known = passes_[wave];
  if (known.heard == heard_ && known.revocations == cohort_->revocations()) return known.passes;
  known = {heard_, cohort_->revocations(), {}};
  const auto add = [&](const std::string& device, const repo::ReceiptRow& receipt) {
    if (!Passed(receipt)) return;
    // What a revoked device says, or said, is no reason to go on.
    const repo::DeviceRow* member = cohort_->Find(device);
    if (member == nullptr || member->revoked) return;
    const int own = Place(device).by_id;  // as the devices that check it see it
    if (own >= 0 && static_cast<size_t>(own) < wave) known.passes.push_back(&receipt);
  };
  // Where the plan names canaries only theirs count, under the keys that it pins: devices check it so, too.
  const std::vector<std::string> names = plan.NamedBefore(wave);
  for (const std::string& name : names) {
    const auto receipt = receipts_.find(base::UnHex(name).value_or(""));
    if (receipt != receipts_.end() && UnderPinnedKey(receipt->second)) add(receipt->first, receipt->second);
  }
  if (names.empty()) {
    for (const auto& [device, receipt] : receipts_) add(device, receipt);
  }
  std::sort(known.passes.begin(), known.passes.end(), Earlier);
  return known.passes;
}

// Where each receipt made all before it be looked at again, a wave of 25,000 would be looked at 25,000 times.
void RolloutRecord::KeepPass(const repo::ReceiptRow& receipt, int own_wave) {
  for (auto& [wave, known] : passes_) {
    if (known.heard + 1 != heard_ || known.revocations != cohort_->revocations()) continue;
    if (!plan.NamedBefore(wave).empty()) continue;  // few, and held against their keys
    if (Passed(receipt) && own_wave >= 0 && static_cast<size_t>(own_wave) < wave) {
      if (!known.passes.empty() && Earlier(&receipt, known.passes.back())) continue;
      known.passes.push_back(&receipt);
    }
    known.heard = heard_;
  }
}

absl::Time RolloutRecord::SucceededAt(size_t wave) {
  const trust::PlanWave& rules = plan.waves[wave];
  const WaveCounts counts = Judged(wave);
  const size_t needed = PassesForSuccess(rules, counts);
  if (counts.started == 0 || counts.finished() < rules.least_reports || counts.passed < needed) {
    return absl::InfiniteFuture();
  }
  std::vector<absl::Time> passes, reports;
  for (const auto& [device, receipt] : receipts_) {
    const repo::DeviceRow* member = cohort_->Find(device);
    if (member == nullptr || member->revoked || WaveOf(device, member->report) != static_cast<int>(wave))
      continue;
    reports.push_back(receipt.received);
    if (Passed(receipt)) passes.push_back(receipt.received);
  }
  std::sort(passes.begin(), passes.end());
  std::sort(reports.begin(), reports.end());
  absl::Time since = absl::InfinitePast();
  if (needed > 0) since = std::max(since, passes[needed - 1]);
  if (rules.least_reports > 0) since = std::max(since, reports[rules.least_reports - 1]);
  return since;
}

absl::Time RolloutRecord::NextWaveOpens() {
  const size_t wave = row.waves_opened.size();
  if (wave == plan.waves.size()) return absl::InfiniteFuture();
  std::vector<absl::Time> passes;
  for (const repo::ReceiptRow* receipt : PassesBefore(wave)) passes.push_back(receipt->received);
  absl::Time opens =
      OpensAt(plan.waves[wave], passes, wave == 0 ? absl::InfinitePast() : row.waves_opened.back());
  // The soak runs from the moment at which the earlier waves had passes enough, of their own kind too.
  for (size_t earlier = 0; earlier < wave && opens < absl::InfiniteFuture(); ++earlier) {
    if (plan.waves[earlier].least_success_ppm == 0) continue;
    opens = std::max(opens, SucceededAt(earlier) + plan.waves[wave].soak);
  }
  return opens;
}

std::string RolloutRecord::Unreached(size_t wave, size_t most) {
  std::string names;
  size_t found = 0;
  for (const auto& [id, member] : cohort_->all()) {
    if (member.revoked || HasStarted(id) || WaveOf(id, member.report) != static_cast<int>(wave)) continue;
    if (++found <= most) absl::StrAppend(&names, names.empty() ? "" : ", ", member.name);
  }
  if (found > most) absl::StrAppend(&names, " and ", found - most, " more");
  return names;
}

bool RolloutRecord::FellSilent(const std::string& device, absl::Time now) const {
  const repo::TurnRow* turn = TurnOf(device);
  if (turn == nullptr || receipts_.contains(device)) return true;
  if (!HasBegun(*turn)) return now - turn->told > kBegins;
  const repo::DeviceRow* member = cohort_->Find(device);
  return member == nullptr || member->revoked ||
         now - std::max(turn->started, member->report.last_seen) > kGone;
}

uint32_t RolloutRecord::InFlight(size_t wave, absl::Time now) {
  Flight& flight = flights_[wave];
  if (now - flight.looked >= kLookAgain || now < flight.looked) {
    std::erase_if(flight.devices, [&](const std::string& device) { return FellSilent(device, now); });
    flight.looked = now;
  }
  return static_cast<uint32_t>(flight.devices.size());
}

bool RolloutRecord::Tell(const std::string& device, size_t wave, absl::Time now) {
  Flight& flight = flights_[wave];
  const uint32_t most = plan.waves[wave].most_in_flight;
  if (most > 0 && !flight.devices.contains(device)) {
    if (flight.devices.size() >= most && InFlight(wave, now) >= most) return false;
    flight.devices.insert(device);
  }
  const auto [turn, first] = turns_.try_emplace(device);
  if (first || (turn->second.wave != wave && !HasBegun(turn->second))) {
    for (Flight& other : flights_) {
      if (&other != &flight) other.devices.erase(device);
    }
    turn->second = {.device = device, .wave = static_cast<uint32_t>(wave), .told = now, .started = {}};
    unsaved_.push_back(device);
  } else if (!HasBegun(turn->second)) {
    turn->second.told = now;  // it asks again: not worth a write
  }
  return true;
}

void RolloutRecord::Start(const std::string& device, absl::Time now) {
  const auto turn = turns_.find(device);
  if (turn == turns_.end() || HasBegun(turn->second)) return;
  Count(device, -1);
  turn->second.started = now;
  Count(device, 1);
  unsaved_.push_back(device);
}

void RolloutRecord::Hear(const repo::ReceiptRow& receipt) {
  const repo::DeviceRow* member = cohort_->Find(receipt.device);
  const int wave = member == nullptr ? -1 : WaveOf(receipt.device, member->report);
  Count(receipt.device, -1);
  if (const auto older = receipts_.find(receipt.device); older != receipts_.end() && !Passed(older->second)) {
    --failures_;
  }
  failures_ += Passed(receipt) ? 0 : 1;
  const auto [kept, first_word] = receipts_.insert_or_assign(receipt.device, receipt);
  if (wave >= 0) {
    const auto [turn, first] = turns_.try_emplace(receipt.device);
    if (first) {
      turn->second = {.device = receipt.device,
                      .wave = static_cast<uint32_t>(wave),
                      .told = receipt.received,
                      .started = {}};
    }
    if (!HasBegun(turn->second)) {
      turn->second.started = receipt.received;
      unsaved_.push_back(receipt.device);
    }
  }
  Count(receipt.device, 1);
  for (Flight& flight : flights_) flight.devices.erase(receipt.device);
  // Later waves want to know of it.
  const int by_id = Place(receipt.device).by_id;
  if (by_id + 1 >= static_cast<int>(plan.waves.size())) return;
  ++heard_;
  // As above: who is revoked is no reason to go on.
  const bool counts = member != nullptr && !member->revoked;
  if (first_word) KeepPass(kept->second, counts ? by_id : -1);
}

std::vector<repo::TurnRow> RolloutRecord::TakeUnsaved(size_t most) {
  std::vector<repo::TurnRow> rows;
  while (!unsaved_.empty() && rows.size() < most) {
    if (const auto turn = turns_.find(unsaved_.back()); turn != turns_.end()) rows.push_back(turn->second);
    unsaved_.pop_back();
  }
  return rows;
}

}  // namespace linnet::coordinator
