#include "coordinator/cohort.h"

#include <tuple>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::coordinator {
namespace {

auto Facts(const repo::DeviceReport& report) {
  return std::tie(report.instruction_set, report.ram_mib, report.cores, report.agent_version);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Cohort>> Cohort::Load(FleetDatabase& fleet,
                                                     std::map<std::string, repo::DeviceReport> seen) {
  std::unique_ptr<Cohort> cohort(new Cohort(fleet));
  LINNET_RETURN_IF_ERROR(cohort->Reload());
  for (auto& [id, report] : seen) {
    const auto it = cohort->devices_.find(id);
    if (it != cohort->devices_.end()) it->second.report = std::move(report);
  }
  return cohort;
}

absl::Status Cohort::Reload() {
  LINNET_ASSIGN_OR_RETURN(std::vector<repo::DeviceRow> rows, fleet_.devices.All());
  Members devices;
  std::unordered_map<std::string, std::string> ids_by_name;
  uint32_t live = 0;
  for (repo::DeviceRow& row : rows) {
    std::string id = row.id;
    // What was heard is in memory first.
    if (const auto old = devices_.find(id); old != devices_.end()) row.report = old->second.report;
    if (!row.revoked) ids_by_name[row.name] = id;
    live += row.revoked ? 0 : 1;
    devices.emplace(std::move(id), std::move(row));
  }
  devices_ = std::move(devices);
  live_ = live;
  ++revocations_;
  ++changes_;
  ids_by_name_ = std::move(ids_by_name);
  return absl::OkStatus();
}

const repo::DeviceRow* Cohort::Find(std::string_view id) const {
  const auto it = devices_.find(id);
  return it == devices_.end() ? nullptr : &it->second;
}

const repo::DeviceRow* Cohort::FindByName(std::string_view name) const {
  const auto it = ids_by_name_.find(std::string(name));
  return it == ids_by_name_.end() ? nullptr : Find(it->second);
}

void Cohort::Keep(repo::DeviceRow device) {
  const auto [at, joins] = devices_.try_emplace(device.id);
  repo::DeviceRow& member = at->second;
  if (joins) {
    joined_.push_back(device.id);
  } else {
    if (!member.revoked) {
      ids_by_name_.erase(member.name);  // it may come back under another name
      --live_;
    }
    if (device.revoked != member.revoked) ++changes_;
  }
  if (!device.revoked) {
    ids_by_name_[device.name] = device.id;
    ++live_;
  }
  // Also one that is no longer: it has been counted as revoked.
  if (device.revoked || (!joins && member.revoked)) ++revocations_;
  member = std::move(device);
}

void Cohort::Saw(std::string_view id, const repo::DeviceReport& report) {
  const auto it = devices_.find(id);
  if (it == devices_.end()) return;
  if (Facts(it->second.report) != Facts(report)) ++facts_changes_;
  it->second.report = report;
}

absl::StatusOr<std::string> Cohort::Authenticate(const std::string& id, std::string_view public_key) {
  const repo::DeviceRow* device = Find(id);
  if (device == nullptr) {
    return absl::PermissionDeniedError("this device is not a member of the fleet; enrol it with a new token");
  }
  if (device->revoked) {
    return absl::PermissionDeniedError(absl::StrCat("device ", base::Hex(id), " was revoked by an operator"));
  }
  if (public_key == device->public_key) return id;
  if (device->next_key.empty() || public_key != device->next_key) {
    return absl::PermissionDeniedError(
        absl::StrCat("device ", base::Hex(id), ": this certificate was replaced by a newer one"));
  }
  repo::DeviceRow renewed = *device;
  renewed.public_key = std::move(renewed.next_key);
  renewed.next_key.clear();
  LINNET_RETURN_IF_ERROR(fleet_.devices.Put(renewed));
  Keep(std::move(renewed));
  return id;
}

}  // namespace linnet::coordinator
