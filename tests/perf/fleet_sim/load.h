#ifndef LINNET_TESTS_PERF_FLEET_SIM_LOAD_H_
#define LINNET_TESTS_PERF_FLEET_SIM_LOAD_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace linnet::fleet_sim {

using SteadyClock = std::chrono::steady_clock;

// What a phase of calls came to. Durations in milliseconds.
struct Tally {
  std::vector<double> millis;         // of the calls that succeeded
  std::map<std::string, int> errors;  // message -> times
  double seconds = 0;

  double Rate() const { return seconds == 0 ? 0 : static_cast<double>(millis.size()) / seconds; }
  double Percentile(double percent);  // 0 when there is none
  std::string ToString();             // "5123/s, p50 3.1 ms, p99 9.8 ms, max 14 ms; errors: none"
};

// Begins the n-th call; `done` is called once, later, from any thread.
using Begin = std::function<void(size_t n, std::function<void(const grpc::Status&)> done)>;

// `width` calls under way at any time, until `total` have been begun or `seconds` are over.
Tally ClosedLoop(size_t width, size_t total, double seconds, const Begin& begin);
// `rate` calls a second, come what may; latency counts from when a call was due (so a stall is not hidden).
Tally OpenLoop(double rate, double seconds, const Begin& begin);

}  // namespace linnet::fleet_sim

#endif  // LINNET_TESTS_PERF_FLEET_SIM_LOAD_H_
