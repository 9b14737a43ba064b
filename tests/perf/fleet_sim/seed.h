#ifndef LINNET_TESTS_PERF_FLEET_SIM_SEED_H_
#define LINNET_TESTS_PERF_FLEET_SIM_SEED_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace linnet::fleet_sim {

// A device that is to be a member: its public key goes in, its certificate comes out.
struct Seedling {
  std::string id;  // 16 bytes
  std::string public_key;
  std::string chain_pem;
};

// Makes `dir`/state, for a coordinator that is not running yet, with so many members who were heard of once:
// `seedlings`, and others that are rows only. By the coordinator's own authority and repositories: what it
// finds is what enrolments would have left, but for tokens and the audit.
absl::Status SeedState(const std::string& dir, size_t members, std::vector<Seedling>& seedlings);

}  // namespace linnet::fleet_sim

#endif  // LINNET_TESTS_PERF_FLEET_SIM_SEED_H_
