#include "agent/version_number.h"

#include <algorithm>

namespace linnet::agent {
namespace {

constexpr int kParts = 3;
constexpr uint32_t kMost[kParts] = {4293, 999, 999};
constexpr uint32_t kWorth[kParts] = {1'000'000, 1'000, 1};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

uint32_t VersionNumber(std::string_view version) {
  version = version.substr(0, version.find_first_of("-+"));
  uint32_t number = 0;
  for (int part = 0; part < kParts; ++part) {
    if (version.empty() || !IsDigit(version.front())) return 0;
    uint32_t value = 0;
    while (!version.empty() && IsDigit(version.front())) {
      value = std::min(value * 10 + static_cast<uint32_t>(version.front() - '0'), kMost[part]);
      version.remove_prefix(1);
    }
    number += value * kWorth[part];
    if (version.empty()) return number;
    if (version.front() != '.') return 0;
    version.remove_prefix(1);
  }
  return 0;  // more than three parts
}

}  // namespace linnet::agent
