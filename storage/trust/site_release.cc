#include "storage/trust/site_release.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/role_change.h"
#include "storage/trust/signing.h"
#include "storage/trust/site_change.h"
#include "storage/trust/site_files.h"

namespace linnet::trust {
namespace {

constexpr size_t kMaxLicense = 200;

absl::StatusOr<std::string> HashOfFile(base::FileSystem& fs, const std::string& path, uint64_t& length) {
  LINNET_ASSIGN_OR_RETURN(const std::unique_ptr<base::MappedFile> file, fs.Map(path));
  length = file->bytes().size();
  base::Sha256Hasher hasher;
  hasher.Update(file->bytes());
  const base::Sha256Digest digest = hasher.Finish();
  return std::string(base::AsView(digest));
}

uint64_t ReleaseCounterOf(const TargetFile& file) {
  const absl::StatusOr<Json> custom = ParseJson(file.custom_json);
  if (!custom.ok()) return 0;
  const Json* counter = custom->Find("release_counter");
  if (counter == nullptr || counter->integer() == nullptr || *counter->integer() < 0) return 0;
  return static_cast<uint64_t>(*counter->integer());
}

bool HasRule(const TargetFile& model, const std::optional<SuiteRule>& rule) {
  const absl::StatusOr<std::optional<SuiteRule>> known = SuiteRuleOf(model.custom_json);
  if (!known.ok() || known->has_value() != rule.has_value()) return false;
  return !rule.has_value() || ((*known)->sha256 == rule->sha256 && (*known)->least_ppm == rule->least_ppm);
}

}  // namespace

const TargetFile* FindFile(const OfflineSet& set, const std::string& role, const std::string& path) {
  const auto it = set.roles().find(role);
  if (it == set.roles().end()) return nullptr;
  const auto file = it->second.targets.targets.find(path);
  return file == it->second.targets.targets.end() ? nullptr : &file->second;
}

bool HasHash(const TargetFile& file, std::string_view sha256) {
  const auto it = file.hashes.find("sha256");
  return it != file.hashes.end() && it->second == base::Hex(sha256);
}

std::string Sha256Of(const TargetFile& file) {
  const auto it = file.hashes.find("sha256");
  return it == file.hashes.end() ? "" : base::UnHex(it->second).value_or("");
}

uint64_t LargestCounter(const OfflineSet& set, const std::string& role) {
  const auto it = set.roles().find(role);
  if (it == set.roles().end()) return 0;
  uint64_t largest = LargestWithdrawnCounter(SignedPart(it->second.bytes));
  for (const auto& [path, file] : it->second.targets.targets)
    largest = std::max(largest, ReleaseCounterOf(file));
  return largest;
}

std::string NewestWith(const OfflineSet& set, const std::string& role, const TargetFile& file) {
  const uint64_t largest = LargestCounter(set, role);
  for (const auto& [path, other] : set.roles().at(role).targets.targets) {
    if (ReleaseCounterOf(other) == largest && other.hashes == file.hashes) return path;
  }
  return "";
}

absl::StatusOr<ReleaseTargets> ReleaseTargets::Of(base::FileSystem& fs, const ModelRelease& release) {
  ReleaseTargets out;
  out.role = absl::StrCat(std::string(kModelsPrefix), release.family);
  out.path = absl::StrCat(out.role, "/", release.name, "-", release.version, std::string(kPackedSuffix));
  out.index_path = absl::StrCat(out.path, std::string(kIndexSuffix));
  out.suite_path = absl::StrCat(out.path, std::string(kSuiteSuffix));
  LINNET_ASSIGN_OR_RETURN(out.hash, HashOfFile(fs, release.file, out.length));
  out.index_hash = base::AsView(base::Sha256(release.index_json));
  if (!release.suite_json.empty()) {
    out.suite = SuiteRule{.sha256 = std::string(base::AsView(base::Sha256(release.suite_json))),
                          .least_ppm = release.suite_least_ppm};
  }
  return out;
}

absl::StatusOr<bool> ReleaseTargets::AreSigned(const OfflineSet& set) const {
  if (const TargetFile* known = FindFile(set, role, path)) {
    const TargetFile* index = FindFile(set, role, index_path);
    if (HasHash(*known, hash) && index != nullptr && HasHash(*index, index_hash) && HasRule(*known, suite)) {
      return true;
    }
    return absl::AlreadyExistsError(absl::StrCat(
        path,
        ": is signed already, for other bytes or with another suite; a release never changes, give this one "
        "another version"));
  }
  if (set.version(role) != 0) {
    const Withdrawn before = WithdrawnAs(SignedPart(set.roles().at(role).bytes), path);
    if (!before.sha256_hex.empty() && before.sha256_hex != base::Hex(hash)) {
      return absl::AlreadyExistsError(
          absl::StrCat(path, ": was withdrawn, and stood for other bytes; give this one another version"));
    }
  }
  return false;
}

void ReleaseTargets::AddTo(Json& signed_part, const ModelRelease& release, uint64_t counter) const {
  Json::Object custom{{"format", "linnet-pack-1"},  {"index", base::Hex(index_hash)},
                      {"license", release.license}, {"name", release.name},
                      {"release_counter", counter}, {"version", release.version}};
  if (suite.has_value()) custom.emplace("suite", suite->ToJson());
  AddTarget(signed_part, path, length, hash, std::move(custom));
  AddTarget(signed_part, index_path, release.index_json.size(), index_hash, Json());
  if (suite.has_value()) {
    AddTarget(signed_part, suite_path, release.suite_json.size(), suite->sha256, Json());
  }
}

std::vector<std::string> ReleaseTargets::paths() const {
  std::vector<std::string> out = {path, index_path};
  if (suite.has_value()) out.push_back(suite_path);
  return out;
}

void AddAgain(Json& signed_part, const OfflineSet& set, const std::string& role, const std::string& target,
              const std::string& again, Json custom) {
  const TargetFile& model = *FindFile(set, role, target);
  AddTarget(signed_part, again, model.length, Sha256Of(model), std::move(custom));
  for (const std::string_view suffix : {kIndexSuffix, kSuiteSuffix}) {
    const TargetFile* part = FindFile(set, role, absl::StrCat(target, std::string(suffix)));
    if (part == nullptr) continue;
    AddTarget(signed_part, absl::StrCat(again, std::string(suffix)), part->length, Sha256Of(*part), Json());
  }
}

std::string SuiteFile(const std::string& dir, std::string_view sha256) {
  return absl::StrCat(dir, "/suites/", base::Hex(sha256), ".json");
}

absl::Status CheckRelease(const ModelRelease& release) {
  LINNET_RETURN_IF_ERROR(CheckName("model family", release.family));
  LINNET_RETURN_IF_ERROR(CheckLabel("model name", release.name));
  LINNET_RETURN_IF_ERROR(CheckLabel("model version", release.version));
  if (release.license.empty() || release.license.size() > kMaxLicense) {
    return absl::InvalidArgumentError(
        absl::StrCat("license has ", release.license.size(), " bytes, 1 to ", kMaxLicense, " expected"));
  }
  // Counters travel to the coordinator in 32 bits.
  if (release.release_counter > UINT32_MAX)
    return absl::InvalidArgumentError("release counter is above 2^32 - 1");
  if (release.suite_json.size() > kMaxSuiteBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the suite has ", release.suite_json.size(),
                                                   " bytes, at most ", kMaxSuiteBytes, " expected"));
  }
  if (release.suite_least_ppm < 1 || release.suite_least_ppm > kAllPpm) {
    return absl::InvalidArgumentError("of a suite more than nothing and at most all can be asked");
  }
  return ParseJson(Json(release.license).Dump()).status();  // UTF-8
}

}  // namespace linnet::trust
