#ifndef LINNET_TESTS_FUZZ_HONEST_COORDINATOR_H_
#define LINNET_TESTS_FUZZ_HONEST_COORDINATOR_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "coordinator/authority.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "linnet/peer/v1/peer.pb.h"
#include "runtime/net/enrollment_token.h"
#include "runtime/net/tls.h"
#include "storage/trust/online_keys.h"
#include "tests/fuzz/coordinator_world.h"
#include "tests/fuzz/in_process_server.h"
#include "tests/fuzz/scripted_server.h"

namespace linnet::testing {

// What the coordinator of a CoordinatorWorld, and a device of its fleet that has everything, answer to its
// canary; and what whoever holds the coordinator's keys can make of an answer. Each answer is worked out
// once: nothing that a device reports changes what it hears.
class HonestCoordinator {
 public:
  HonestCoordinator();

  // `method`: of Fleet, or of Peer.
  ServerAnswer Answer(const std::string& method, const std::string& request);
  // The message with all that such a thief can prove: certificates for the key that asks where the message
  // has none, the token's MAC, heads of the log under the timestamp key. Addresses of peers become `peer`.
  // What is no message of this method, as it is.
  std::string Proved(const std::string& method, const std::string& request, const std::string& message);
  // Metadata of this signed part, under the keys of snapshot and timestamp; as it is, if it is no JSON.
  std::string SignedOnline(const std::string& signed_part) const;

  CoordinatorWorld& world() { return world_; }
  const trust::OnlineKeys& online_keys() const { return online_; }
  const net::EnrollmentToken& token() const { return token_; }
  void SetAddress(const std::string& address) { token_.coordinator_address = address; }
  void SetPeer(const std::string& address) { peer_ = address; }  // "127.0.0.1:7402"; names one
  // Is this metadata that the site has signed and published, and that some device was shown?
  bool IsPublished(const std::string& metadata) const { return published_.count(metadata) != 0; }
  fleet::v1::LogHead Head();

 private:
  ServerAnswer Ask(const std::string& method, const std::string& request);
  void Sign(fleet::v1::LogHead& head) const;
  std::string Enrolled(const fleet::v1::EnrollRequest& request, fleet::v1::EnrollResponse answer) const;
  void Certify(std::string_view device_id, std::string_view public_key,
               fleet::v1::EnrollResponse& answer) const;

  CoordinatorWorld world_;
  InProcessServer server_;
  const coordinator::Authority authority_;
  const trust::OnlineKeys online_;
  net::EnrollmentToken token_;
  std::string peer_;
  std::map<std::pair<std::string, std::string>, ServerAnswer> known_;
  std::set<std::string> published_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_HONEST_COORDINATOR_H_
