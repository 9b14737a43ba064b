#include "tests/coordinator/test_device.h"

#include "runtime/base/hash.h"
#include "runtime/base/x509.h"
#include "storage/trust/plan.h"

namespace linnet::coordinator {

net::TlsIdentity TestDevice::Identity() const {
  std::string pem;
  for (const std::string& der : chain) pem += base::Certificate::FromDer(der)->ToPem();
  return {pem, key.ToPem()};
}

fleet::v1::EnrollRequest TestDevice::EnrollRequest() const {
  fleet::v1::EnrollRequest request;
  request.set_protocol(1);
  request.set_token_id(token->id);
  request.set_device_id(id);
  request.set_public_key(key.public_key().Raw());
  request.set_nonce(base::RandomBytes(16));
  const std::string message =
      net::EnrollMessage(token->spki_sha256, request.device_id(), request.public_key(), request.nonce());
  request.set_mac(net::EnrollMac(token->secret, message));
  request.set_signature(*key.SignRaw(message));
  return request;
}

fleet::v1::RenewRequest TestDevice::RenewRequest(const base::PrivateKey& new_key) const {
  fleet::v1::RenewRequest request;
  request.set_protocol(1);
  request.set_device_id(id);
  request.set_new_public_key(new_key.public_key().Raw());
  request.set_nonce(base::RandomBytes(16));
  const std::string message = net::RenewMessage(id, request.new_public_key(), request.nonce());
  request.set_old_signature(*key.SignRaw(message));
  request.set_new_signature(*new_key.SignRaw(message));
  return request;
}

fleet::v1::ReportRequest TestDevice::Report(std::string_view plan_sha256, std::string_view model_sha256,
                                            fleet::v1::Outcome outcome, uint64_t attempt) const {
  fleet::v1::ReportRequest request;
  request.set_protocol(1);
  request.set_attempt(attempt);
  request.set_state(fleet::v1::REPORT);
  request.set_reason(outcome == fleet::v1::PASSED ? fleet::v1::REASON_NONE : fleet::v1::SELF_CHECK_FAILED);
  fleet::v1::Receipt& receipt = *request.mutable_receipt();
  receipt.set_device_id(id);
  receipt.set_plan_sha256(std::string(plan_sha256));
  receipt.set_model_sha256(std::string(model_sha256));
  receipt.set_outcome(outcome);
  receipt.set_counter(attempt);
  receipt.set_signature(*key.SignRaw(
      trust::ReceiptMessage(id, plan_sha256, model_sha256, static_cast<uint8_t>(outcome), attempt)));
  for (const std::string& der : chain) receipt.add_certificate_chain(der);
  return request;
}

}  // namespace linnet::coordinator
