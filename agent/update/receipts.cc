#include "agent/update/receipts.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::update {
namespace {

// A plan may name hundreds of canaries; a coordinator may not make us verify for ever.
constexpr size_t kMostReceipts = 1024;

std::string MessageOf(const Receipt& r) {
  return trust::ReceiptMessage(r.device_id, r.plan_sha256, r.model_sha256, static_cast<uint8_t>(r.outcome),
                               r.counter);
}

// Where the plan names canaries, exactly those count, under the keys that it pins (a stolen coordinator may
// make members and certify keys, but not these). Where it does not, any member of an earlier wave does.
bool CountsFor(const trust::Plan& plan, size_t wave, const std::vector<std::string>& named,
               const std::string& device_id) {
  if (!named.empty()) return std::find(named.begin(), named.end(), base::Hex(device_id)) != named.end();
  const absl::StatusOr<size_t> its_wave = plan.WaveOf(device_id);
  return its_wave.ok() && *its_wave < wave;
}

}  // namespace

absl::StatusOr<Receipt> MakeReceipt(const Credentials& credentials, std::string_view plan_sha256,
                                    std::string_view model_sha256, Outcome outcome, uint64_t counter) {
  Receipt receipt;
  receipt.device_id = credentials.device_id;
  receipt.plan_sha256 = plan_sha256;
  receipt.model_sha256 = model_sha256;
  receipt.outcome = outcome;
  receipt.counter = counter;
  LINNET_ASSIGN_OR_RETURN(receipt.signature, credentials.key.SignRaw(MessageOf(receipt)));
  for (const base::Certificate& certificate : credentials.chain) {
    receipt.certificate_chain.push_back(certificate.der());
  }
  return receipt;
}

absl::Status CheckReceipt(const Receipt& receipt, const ReceiptRules& rules, size_t wave) {
  const std::string who = absl::StrCat("receipt of device ", base::Hex(receipt.device_id).substr(0, 8));
  if (receipt.plan_sha256 != rules.plan_sha256 || receipt.model_sha256 != rules.plan.model_sha256) {
    return absl::FailedPreconditionError(absl::StrCat(who, ": is about another plan or model"));
  }
  if (receipt.outcome != Outcome::kPassed) {
    return absl::FailedPreconditionError(absl::StrCat(who, ": did not pass"));
  }
  const std::vector<std::string> named = rules.plan.NamedBefore(wave);
  if (receipt.device_id.size() != 16 || !CountsFor(rules.plan, wave, named, receipt.device_id)) {
    return absl::FailedPreconditionError(absl::StrCat(who, ": not of an earlier wave of this plan"));
  }
  std::vector<base::Certificate> chain;
  if (receipt.certificate_chain.empty() || receipt.certificate_chain.size() > 2) {
    return absl::UnauthenticatedError(absl::StrCat(who, ": needs 1 or 2 certificates"));
  }
  for (const std::string& der : receipt.certificate_chain) {
    LINNET_ASSIGN_OR_RETURN(base::Certificate certificate, base::Certificate::FromDer(der));
    chain.push_back(std::move(certificate));
  }
  if (rules.revocations != nullptr) {
    const absl::Status member = rules.revocations->CheckCertificate(chain.front());
    if (!member.ok() || rules.revocations->IsRevoked(receipt.device_id)) {
      return absl::PermissionDeniedError(absl::StrCat(who, ": the device was revoked"));
    }
  }
  // A certificate lives for a month, a plan for half a year: a device that joins or wakes up late must still
  // be able to rely on its canaries. Whose key it is counts; but a key whose time was over before the plan
  // was signed cannot have run it.
  LINNET_ASSIGN_OR_RETURN(
      const std::string id,
      base::VerifyChain(chain, rules.fleet_root, base::CertificateUse::kClient, base::kDeviceUri, rules.now,
                        /*allow_expired=*/true));
  if (chain.front().not_after() < rules.plan.created) {
    return absl::UnauthenticatedError(
        absl::StrCat(who, ": its certificate ended before the plan was signed"));
  }
  if (id != base::Hex(receipt.device_id)) {
    return absl::UnauthenticatedError(absl::StrCat(who, ": its certificate is another device's"));
  }
  if (!named.empty() && !rules.plan.Pins(receipt.device_id, base::AsView(chain.front().SpkiSha256()))) {
    return absl::UnauthenticatedError(absl::StrCat(
        who,
        ": its key is not the one that the plan pins (the device changed its key since, or somebody "
        "else made this one); sign a new plan"));
  }
  const absl::Status signature = chain.front().public_key().VerifyRaw(MessageOf(receipt), receipt.signature);
  if (!signature.ok()) return absl::UnauthenticatedError(absl::StrCat(who, ": not signed by this device"));
  return absl::OkStatus();
}

uint32_t CountPasses(const std::vector<Receipt>& receipts, const ReceiptRules& rules, size_t wave,
                     std::string* first_problem) {
  std::set<std::string> passed;
  for (size_t i = 0; i < std::min(receipts.size(), kMostReceipts); ++i) {
    const absl::Status status = CheckReceipt(receipts[i], rules, wave);
    if (status.ok()) {
      passed.insert(receipts[i].device_id);
    } else if (first_problem != nullptr && first_problem->empty()) {
      *first_problem = base::Message(status);
    }
  }
  return static_cast<uint32_t>(passed.size());
}

}  // namespace linnet::update
