#include "storage/trust/wave_filter.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/json_fields.h"

namespace linnet::trust {
namespace {

constexpr int64_t kMost32 = std::numeric_limits<uint32_t>::max();

absl::StatusOr<std::vector<std::string>> Names(const Json& json, const Fields& fields, std::string_view name,
                                               std::span<const std::string_view> known,
                                               const std::string& where) {
  std::vector<std::string> names;
  if (json.Find(name) == nullptr) return names;
  LINNET_ASSIGN_OR_RETURN(const Json::Array* list, fields.List(name, 1, known.size()));
  for (const Json& entry : *list) {
    if (entry.text() == nullptr || std::find(known.begin(), known.end(), *entry.text()) == known.end()) {
      const std::vector<std::string> all(known.begin(), known.end());
      return BadField(where, absl::StrCat("\"", std::string(name), "\" holds something else than ",
                                          absl::StrJoin(all, ", ")));
    }
    if (std::find(names.begin(), names.end(), *entry.text()) != names.end()) {
      return BadField(where, absl::StrCat("\"", std::string(name), "\" names ", *entry.text(), " twice"));
    }
    names.push_back(*entry.text());
  }
  return names;
}

absl::StatusOr<uint32_t> Bound(const Json& json, const Fields& fields, std::string_view name) {
  if (json.Find(name) == nullptr) return 0;
  LINNET_ASSIGN_OR_RETURN(const int64_t bound, fields.Integer(name, 1, kMost32));
  return static_cast<uint32_t>(bound);
}

// Collects what does not hold and what is not known; what does not hold decides.
class Judge {
 public:
  explicit Judge(std::string* why) : why_(why) {}

  void OneOf(const std::vector<std::string>& wanted, const std::string& has, std::string_view what) {
    if (wanted.empty()) return;
    if (has.empty()) return Unknown(what);
    if (std::find(wanted.begin(), wanted.end(), has) != wanted.end()) return;
    No(absl::StrCat("has ", has, " ", std::string(what), ", ", absl::StrJoin(wanted, " or "), " asked for"));
  }
  void AtLeast(uint32_t wanted, uint32_t has, std::string_view what) {
    if (wanted == 0 || has >= wanted) return;
    if (has == 0) return Unknown(what);
    No(absl::StrCat("has ", has, " ", std::string(what), ", at least ", wanted, " asked for"));
  }
  void AgentAtLeast(uint32_t wanted, uint32_t has) {
    if (wanted == 0 || has >= wanted) return;
    if (has == 0) return Unknown("agent version");
    No(absl::StrCat("has agent ", VersionText(has), ", at least ", VersionText(wanted), " asked for"));
  }
  WaveFilter::Answer answer() const { return answer_; }

 private:
  void No(std::string text) {
    if (answer_ == WaveFilter::Answer::kNo) return;
    answer_ = WaveFilter::Answer::kNo;
    if (why_ != nullptr) *why_ = std::move(text);
  }
  void Unknown(std::string_view what) {
    if (answer_ != WaveFilter::Answer::kYes) return;
    answer_ = WaveFilter::Answer::kUnknown;
    if (why_ != nullptr) *why_ = absl::StrCat("has no known ", std::string(what));
  }

  std::string* why_;
  WaveFilter::Answer answer_ = WaveFilter::Answer::kYes;
};

}  // namespace

std::string ArchitectureOf(std::string_view kernels) {
  if (kernels.starts_with("avx")) return "x86_64";
  return kernels.starts_with("neon") ? "aarch64" : "";
}

std::string VersionText(uint32_t v) {
  return absl::StrCat(v / 1'000'000, ".", v / 1000 % 1000, ".", v % 1000);
}

WaveFilter::Answer WaveFilter::Matches(const DeviceFacts& facts, std::string* why) const {
  Judge judge(why);
  judge.OneOf(architectures, facts.architecture, "architecture");
  judge.OneOf(kernels, facts.kernels, "kernels");
  judge.AtLeast(least_ram_mib, facts.ram_mib, "MiB of memory");
  judge.AtLeast(least_cores, facts.cores, "cores");
  judge.AgentAtLeast(least_agent_version, facts.agent_version);
  return judge.answer();
}

std::string WaveFilter::ToText() const {
  std::vector<std::string> parts;
  if (!architectures.empty()) parts.push_back(absl::StrJoin(architectures, " or "));
  if (!kernels.empty()) parts.push_back(absl::StrCat("kernels ", absl::StrJoin(kernels, " or ")));
  if (least_ram_mib > 0) parts.push_back(absl::StrCat(least_ram_mib, " MiB of memory or more"));
  if (least_cores > 0) parts.push_back(absl::StrCat(least_cores, " cores or more"));
  if (least_agent_version > 0) {
    parts.push_back(absl::StrCat("agent ", VersionText(least_agent_version), " or newer"));
  }
  return parts.empty() ? "all" : absl::StrJoin(parts, "; ");
}

Json WaveFilter::ToJson() const {
  Json::Object out;
  const auto names = [&](const char* name, const std::vector<std::string>& list) {
    if (!list.empty()) out.emplace(name, Json::Array(list.begin(), list.end()));
  };
  const auto bound = [&](const char* name, uint32_t least) {
    if (least > 0) out.emplace(name, int64_t{least});
  };
  names("architectures", architectures);
  names("kernels", kernels);
  bound("least_ram_mib", least_ram_mib);
  bound("least_cores", least_cores);
  bound("least_agent_version", least_agent_version);
  return Json(std::move(out));
}

absl::StatusOr<WaveFilter> WaveFilter::FromJson(const Json& json, const std::string& where) {
  LINNET_RETURN_IF_ERROR(OnlyMembers(
      json, where, {"architectures", "kernels", "least_ram_mib", "least_cores", "least_agent_version"}));
  const Fields fields(json, where);
  WaveFilter filter;
  LINNET_ASSIGN_OR_RETURN(filter.architectures,
                          Names(json, fields, "architectures", kArchitectureNames, where));
  LINNET_ASSIGN_OR_RETURN(filter.kernels, Names(json, fields, "kernels", kKernelNames, where));
  LINNET_ASSIGN_OR_RETURN(filter.least_ram_mib, Bound(json, fields, "least_ram_mib"));
  LINNET_ASSIGN_OR_RETURN(filter.least_cores, Bound(json, fields, "least_cores"));
  LINNET_ASSIGN_OR_RETURN(filter.least_agent_version, Bound(json, fields, "least_agent_version"));
  if (filter.empty()) return BadField(where, "\"filter\" asks for nothing");
  return filter;
}

}  // namespace linnet::trust
