// What one device is told of the running rollout, and what it says.
#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "coordinator/rollout_driver.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::coordinator {
namespace {

// A device needs `passes_needed` of them and looks at no more than so many; a few more, in case one does not
// convince it.
constexpr size_t kMostReceipts = 1024;
constexpr size_t kSpareReceipts = 4;

}  // namespace

void RolloutDriver::Answer(const std::string& device, const repo::DeviceReport& report,
                           fleet::v1::CheckInResponse& response) {
  const absl::Time now = clock_.Now();
  const base::MutexLock lock(fleet_.mutex);
  if (!Fresh().ok() || rollouts_.empty()) return;
  RolloutRecord& rollout = rollouts_.back();
  response.set_stop(Stops(rollout.state()));
  const bool under_way = IsUnderWay(report.update_state);
  if (under_way) rollout.Start(device, now);  // its own word of that may have been lost
  if (!Offers(rollout.state())) return;
  const int own = rollout.WaveOf(device, report);
  if (own < 0 || static_cast<size_t>(own) >= rollout.row.waves_opened.size()) return;
  const auto wave = static_cast<size_t>(own);
  // Done, unless the device has lost what it had installed.
  if (const auto it = rollout.receipts().find(device);
      it != rollout.receipts().end() &&
      (!Passed(it->second) || report.model_sha256 == rollout.plan.model_sha256)) {
    return;
  }
  // In the middle of an attempt it takes up no plan. Else it may have to wait for others.
  if (!under_way && !rollout.Tell(device, wave, now)) return;
  response.set_plan(rollout.row.plan);
  AddReceipts(rollout, device, report, wave, response);
}

void RolloutDriver::AddReceipts(RolloutRecord& rollout, const std::string& device,
                                const repo::DeviceReport& report, size_t wave,
                                fleet::v1::CheckInResponse& response) {
  // A device of which a filter's fact is not known here may be in a later wave by its own.
  const size_t last = rollout.KnowsWaveOf(device, report) ? wave : rollout.row.waves_opened.size() - 1;
  size_t needed = 0;
  for (size_t i = wave; i <= last; ++i) {
    needed = std::max<size_t>(needed, rollout.plan.waves[i].passes_needed);
  }
  if (last == 0 || needed == 0) return;
  const size_t most = std::min(needed + kSpareReceipts, kMostReceipts);
  for (const repo::ReceiptRow* pass : rollout.PassesBefore(last)) {
    if (response.receipts_size() == static_cast<int>(most)) break;
    fleet::v1::Receipt& receipt = *response.add_receipts();
    receipt.set_device_id(pass->device);
    receipt.set_plan_sha256(rollout.row.plan_sha256);
    receipt.set_model_sha256(rollout.plan.model_sha256);
    receipt.set_outcome(static_cast<fleet::v1::Outcome>(pass->outcome));
    receipt.set_counter(pass->counter);
    receipt.set_signature(pass->signature);
    receipt.add_certificate_chain(pass->leaf);
    if (!pass->intermediate.empty()) receipt.add_certificate_chain(pass->intermediate);
  }
}

absl::Status RolloutDriver::VerifyReceipt(const RolloutRecord& rollout, std::string_view device,
                                          const fleet::v1::Receipt& receipt) const {
  if (receipt.device_id() != device)
    return absl::PermissionDeniedError("receipt: of another device than the sender");
  if (receipt.model_sha256() != rollout.plan.model_sha256) {
    return absl::FailedPreconditionError("receipt: its model is not the plan's");
  }
  if (receipt.outcome() == fleet::v1::OUTCOME_UNSPECIFIED) {
    return absl::InvalidArgumentError("receipt: no outcome");
  }
  std::vector<base::Certificate> chain;
  for (const std::string& der : receipt.certificate_chain()) {
    LINNET_ASSIGN_OR_RETURN(base::Certificate certificate, base::Certificate::FromDer(der));
    chain.push_back(std::move(certificate));
  }
  // A receipt may come up long after it was signed; what counts is whose key it is.
  const auto name =
      base::VerifyChain(chain, fleet_root_, base::CertificateUse::kClient, base::kDeviceUri, clock_.Now(),
                        /*allow_expired=*/true);
  if (!name.ok()) return absl::PermissionDeniedError(absl::StrCat("receipt: ", base::Message(name.status())));
  if (*name != base::Hex(device))
    return absl::PermissionDeniedError("receipt: certificate of another device");
  const absl::Status signature = chain[0].public_key().VerifyRaw(
      trust::ReceiptMessage(device, receipt.plan_sha256(), receipt.model_sha256(),
                            static_cast<uint8_t>(receipt.outcome()), receipt.counter()),
      receipt.signature());
  if (!signature.ok()) return absl::PermissionDeniedError("receipt: its signature is wrong");
  return absl::OkStatus();
}

absl::Status RolloutDriver::Report(const std::string& device, const fleet::v1::ReportRequest& request) {
  if (!request.has_receipt()) {  // the cohort keeps the state; what is new is that it has begun
    const base::MutexLock lock(fleet_.mutex);
    LINNET_RETURN_IF_ERROR(Fresh());
    if (!rollouts_.empty() && IsUnderWay(request.state())) rollouts_.back().Start(device, clock_.Now());
    return absl::OkStatus();
  }
  const fleet::v1::Receipt& receipt = request.receipt();
  {
    const base::MutexLock lock(fleet_.mutex);
    LINNET_RETURN_IF_ERROR(Fresh());
    const auto it = std::find_if(rollouts_.begin(), rollouts_.end(), [&](const RolloutRecord& r) {
      return r.row.plan_sha256 == receipt.plan_sha256();
    });
    if (it == rollouts_.end()) return absl::NotFoundError("receipt: of a plan that was never started here");
    RolloutRecord& rollout = *it;
    LINNET_RETURN_IF_ERROR(VerifyReceipt(rollout, device, receipt));
    if (const auto known = rollout.receipts().find(device);
        known != rollout.receipts().end() && std::tie(known->second.attempt, known->second.sequence) >=
                                                 std::make_tuple(request.attempt(), request.sequence())) {
      return absl::OkStatus();
    }
    const absl::Time now = clock_.Now();
    const repo::ReceiptRow row{
        .device = device,
        .attempt = request.attempt(),
        .sequence = request.sequence(),
        .outcome = receipt.outcome(),
        .reason = request.reason(),
        .counter = receipt.counter(),
        .signature = receipt.signature(),
        .leaf = receipt.certificate_chain(0),
        .intermediate = receipt.certificate_chain_size() > 1 ? receipt.certificate_chain(1) : "",
        .received = now};
    const absl::Status saved = Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex) -> absl::Status {
      LINNET_RETURN_IF_ERROR(fleet_.rollouts.PutReceipt(rollout.row.id, row));
      rollout.Hear(row);
      LINNET_RETURN_IF_ERROR(SaveTurns(rollout));
      return Settle(rollout, now);
    });
    if (!saved.ok()) return saved;
  }
  notifiers_.NotifyAll();
  return absl::OkStatus();
}

}  // namespace linnet::coordinator
