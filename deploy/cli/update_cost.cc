#include "deploy/cli/update_cost.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/cli/table.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::cli {
namespace {

std::string PathOf(const std::string& site, std::string_view sha256_hex) {
  return absl::StrCat(site, "/indexes/", std::string(sha256_hex), ".json");
}

std::optional<chunks::ChunkIndex> KeptIndex(base::FileSystem& fs, const std::string& site,
                                            const std::string& sha256_hex) {
  const std::optional<std::string> sha256 = base::UnHex(sha256_hex);
  if (!sha256.has_value() || sha256->size() != 32) return std::nullopt;
  const absl::StatusOr<std::string> json =
      fs.ReadFile(PathOf(site, base::Hex(*sha256)), chunks::kMaxSmallBytes);
  if (!json.ok() || base::AsView(base::Sha256(*json)) != *sha256) return std::nullopt;
  absl::StatusOr<chunks::ChunkIndex> index = chunks::ChunkIndex::FromJson(*json);
  if (!index.ok()) return std::nullopt;
  return *std::move(index);
}

// What publishing wrote about a model.
struct Release {
  std::string path, name, index_hex;
  uint64_t counter = 0;
};
Release ReleaseOf(const std::string& path, const nlohmann::json& custom) {
  if (!custom.is_object()) return {};
  const auto text = [&](const char* key) {
    const auto it = custom.find(key);
    return it != custom.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  const auto counter = custom.find("release_counter");
  return {path, text("name"), text("index"),
          counter != custom.end() && counter->is_number_unsigned() ? counter->get<uint64_t>() : 0};
}

// The newest before `target` of the same name, else of the family: what devices that will take it run. Its
// path is empty when there is none.
Release ReleaseBefore(std::string_view role_json, const trust::TargetInfo& target) {
  const nlohmann::json role = nlohmann::json::parse(role_json, nullptr, false);
  const Release now = ReleaseOf(target.path, nlohmann::json::parse(target.custom_json, nullptr, false));
  static const nlohmann::json::json_pointer kTargets("/signed/targets");
  Release before;
  if (!role.is_object() || !role.contains(kTargets) || !role.at(kTargets).is_object()) return before;
  for (const auto& [path, entry] : role.at(kTargets).items()) {
    if (!entry.is_object() || !entry.contains("custom")) continue;
    Release release = ReleaseOf(path, entry.at("custom"));
    const auto rank = [&](const Release& r) { return std::pair(r.name == now.name, r.counter); };
    const bool older = !release.index_hex.empty() && release.counter < now.counter;
    if (older && (before.path.empty() || rank(release) > rank(before))) before = std::move(release);
  }
  return before;
}

}  // namespace

absl::Status KeepIndex(base::FileSystem& fs, const std::string& site, std::string_view index_json) {
  LINNET_RETURN_IF_ERROR(fs.CreateDirectories(absl::StrCat(site, "/indexes")));
  return fs.WriteFileAtomic(PathOf(site, base::Hex(base::Sha256(index_json))), index_json);
}

std::optional<UpdateCost> CostOfUpdate(base::FileSystem& fs, const std::string& site,
                                       std::string_view role_json, const trust::TargetInfo& target,
                                       const chunks::ChunkIndex& index) {
  const Release before = ReleaseBefore(role_json, target);
  const std::optional<chunks::ChunkIndex> had = KeptIndex(fs, site, before.index_hex);
  if (!had.has_value()) return std::nullopt;
  return UpdateCost{
      .from = before.path, .bytes = index.BytesNotIn(*had) + index.ToJson().size(), .of = index.file_bytes};
}

std::string Shown(const UpdateCost& cost) {
  return absl::StrFormat("update from %s: %s of %s (%.1f %%)", cost.from, HumanBytes(cost.bytes),
                         HumanBytes(cost.of), cost.percent());
}

}  // namespace linnet::cli
