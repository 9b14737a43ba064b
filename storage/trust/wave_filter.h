#ifndef LINNET_STORAGE_TRUST_WAVE_FILTER_H_
#define LINNET_STORAGE_TRUST_WAVE_FILTER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/trust/canonical_json.h"

namespace linnet::trust {

// What a filter may ask about a device: what its check-ins say anyway (fleet.proto, CheckInRequest), so that
// following a plan, or leaving it, tells a coordinator nothing new. Free flash is not among it: it changes
// by the hour, and the download looks for itself whether there is room.
struct DeviceFacts {
  std::string kernels;       // "avx2", "neon_dotprod", ...: kKernelNames; empty: not known
  std::string architecture;  // "x86_64", "aarch64"; empty: not known
  uint32_t ram_mib = 0, cores = 0;
  uint32_t agent_version = 0;  // major * 1,000,000 + minor * 1,000 + patch; 0 in any of these: not known

  bool operator==(const DeviceFacts&) const = default;
};

// fleet.proto's InstructionSet in lower case, and what these run on.
inline constexpr std::string_view kKernelNames[] = {"scalar", "avx2",         "avx_vnni", "avx512_vnni",
                                                    "neon",   "neon_dotprod", "neon_i8mm"};
inline constexpr std::string_view kArchitectureNames[] = {"aarch64", "x86_64"};
// Of what a device with these kernels is; empty for "scalar" and names of none.
std::string ArchitectureOf(std::string_view kernels);
std::string VersionText(uint32_t agent_version);  // "1.2.3"

// Which devices a wave is for, beside their ids or buckets: all that is said must hold. A device asks itself;
// who only hears of its facts (a coordinator, an operator) may not know one of them.
struct WaveFilter {
  enum class Answer { kNo, kUnknown, kYes };

  std::vector<std::string> architectures, kernels;                       // one of these; empty: any
  uint32_t least_ram_mib = 0, least_cores = 0, least_agent_version = 0;  // 0: any

  bool operator==(const WaveFilter&) const = default;
  bool empty() const { return *this == WaveFilter(); }
  // `why`, unless null, is told what is not so ("has 512 MiB of memory, at least 2048 asked for"), or else
  // what is not known ("has no known architecture").
  Answer Matches(const DeviceFacts& facts, std::string* why) const;
  std::string ToText() const;  // "aarch64; 4 cores or more"; "all" for an empty one

  Json ToJson() const;
  // DataLoss names the field: the vocabulary is closed, and a name that is not in it is refused, not skipped.
  static absl::StatusOr<WaveFilter> FromJson(const Json& json, const std::string& where);
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_WAVE_FILTER_H_
