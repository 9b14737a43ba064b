#ifndef LINNET_TESTS_PERF_FLEET_SIM_AGENTS_H_
#define LINNET_TESTS_PERF_FLEET_SIM_AGENTS_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "linnet/fleet/v1/fleet.grpc.pb.h"
#include "runtime/base/keys.h"
#include "runtime/base/mutex.h"
#include "runtime/base/x509.h"
#include "tests/perf/fleet_sim/load.h"
#include "tests/perf/fleet_sim/site.h"

namespace linnet::fleet_sim {

class HeldWatch;

// A device as the coordinator sees one: its own key, certificate and TLS connection; real RPCs.
struct Agent {
  std::string id;  // 16 bytes
  base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
  std::string token;
  std::string chain_pem;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<fleet::v1::Fleet::Stub> stub;
};

class Agents {
 public:
  explicit Agents(size_t count) : agents_(count) {}
  size_t size() const { return agents_.size(); }

  // Makes them members of a coordinator that is not running yet, among so many in all (seed.h).
  absl::Status Seed(const std::string& dir, size_t members);
  Tally MakeTokens(Operator& operator_, size_t width);
  // A fresh TLS connection each, as real devices do it.
  Tally Enroll(size_t width);
  // Gives the first `count` agents channels that are not connected yet.
  absl::Status OpenChannels(size_t count, const std::string& address, const base::Certificate& root);
  void CloseChannels();
  // Check-ins of agents 0 to `count` - 1, round and round.
  Begin CheckIn(size_t count);
  static size_t CheckInBytes(size_t* response_bytes);  // of an unchanged one

 private:
  std::vector<Agent> agents_;
  friend class Watches;
};

// Held Watch streams. A stream that ends is opened again after a second or so, twice that the next time.
class Watches {
 public:
  Watches(Agents& agents, size_t count);
  ~Watches();  // ends them all

  void OpenAll();
  // Waits until all have heard something since the last Forget; seconds since `begin`, or -1 after `limit`.
  double WaitForAll(SteadyClock::time_point begin, double limit_seconds);
  // Waits until all have heard "stop"; when each did, in milliseconds since `begin`.
  Tally WaitForStop(SteadyClock::time_point begin, double limit_seconds);
  void Forget();
  // Opens again what has ended and is due; to be called often.
  void Tend();
  int failed_attempts() const { return failed_; }
  size_t held() const;

 private:
  friend class HeldWatch;
  Agents& agents_;
  std::vector<std::unique_ptr<HeldWatch>> watches_;
  std::atomic<int> failed_ = 0;
  std::atomic<bool> closing_ = false;
};

}  // namespace linnet::fleet_sim

#endif  // LINNET_TESTS_PERF_FLEET_SIM_AGENTS_H_
