#ifndef LINNET_TESTS_COORDINATOR_TEST_DEVICE_H_
#define LINNET_TESTS_COORDINATOR_TEST_DEVICE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linnet/fleet/v1/fleet.pb.h"
#include "runtime/base/keys.h"
#include "runtime/net/enrollment_token.h"
#include "runtime/net/tls.h"

namespace linnet::coordinator {

// A device as the coordinator sees one: its own key, real TLS.
struct TestDevice {
  std::string id;  // 16 bytes
  base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
  std::optional<net::EnrollmentToken> token;
  std::string pin;                 // what plans pin of it, 64 hex digits; empty: the hash of `key`
  std::vector<std::string> chain;  // DER
  fleet::v1::EnrollResponse enrolled;

  net::TlsIdentity Identity() const;
  fleet::v1::EnrollRequest EnrollRequest() const;
  fleet::v1::RenewRequest RenewRequest(const base::PrivateKey& new_key) const;
  fleet::v1::ReportRequest Report(std::string_view plan_sha256, std::string_view model_sha256,
                                  fleet::v1::Outcome outcome, uint64_t attempt = 1) const;
};

}  // namespace linnet::coordinator

#endif  // LINNET_TESTS_COORDINATOR_TEST_DEVICE_H_
