#include "storage/trust/revoked_list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/canonical_json.h"
#include "storage/trust/json_fields.h"

namespace linnet::trust {
namespace {

constexpr std::string_view kFormat = "linnet-revoked-1";
constexpr int64_t kMostVersion = (int64_t{1} << 53) - 1;
constexpr int64_t kYear9999 = 253402300799;  // what TUF's own dates can say
// Four values an entry, and the frame.
constexpr size_t kMostValues = kMostRevoked * 4 + 16;

bool Before(const RevokedDevice& a, std::string_view device) { return a.device < device; }

absl::StatusOr<RevokedDevice> DeviceFromJson(const Json& json, size_t index) {
  const Fields fields(json, absl::StrCat("list of revoked devices, entry ", index + 1));
  RevokedDevice device;
  LINNET_ASSIGN_OR_RETURN(device.device, fields.HexText("device", 32));
  if (json.Find("key_sha256") != nullptr) {
    LINNET_ASSIGN_OR_RETURN(device.key_sha256, fields.HexText("key_sha256", 64));
  }
  LINNET_ASSIGN_OR_RETURN(const int64_t revoked, fields.Integer("revoked", 0, kYear9999));
  device.revoked = absl::FromUnixSeconds(revoked);
  return device;
}

}  // namespace

const RevokedDevice* RevokedList::Find(std::string_view device) const {
  const auto at = std::lower_bound(devices.begin(), devices.end(), device, Before);
  return at != devices.end() && at->device == device ? &*at : nullptr;
}

absl::Status RevokedList::Add(RevokedDevice device) {
  const auto at = std::lower_bound(devices.begin(), devices.end(), device.device, Before);
  if (at != devices.end() && at->device == device.device) {
    return absl::AlreadyExistsError(absl::StrCat("device ", device.device, " is on the list already"));
  }
  if (devices.size() >= kMostRevoked) {
    return absl::ResourceExhaustedError(absl::StrCat("the list of revoked devices holds ", kMostRevoked,
                                                     " already, and no more fit; make a new site"));
  }
  devices.insert(at, std::move(device));
  return absl::OkStatus();
}

std::string RevokedList::ToJson() const {
  Json::Array list;
  for (const RevokedDevice& device : devices) {
    Json::Object entry{{"device", device.device}, {"revoked", absl::ToUnixSeconds(device.revoked)}};
    if (!device.key_sha256.empty()) entry.emplace("key_sha256", device.key_sha256);
    list.push_back(std::move(entry));
  }
  return Json(Json::Object{{"format", kFormat}, {"version", version}, {"devices", std::move(list)}}).Dump();
}

absl::StatusOr<RevokedList> RevokedList::FromJson(std::string_view text) {
  const std::string where = "list of revoked devices";
  if (text.size() > kMaxRevokedBytes) {
    return BadField(where,
                    absl::StrCat("has ", text.size(), " bytes, at most ", kMaxRevokedBytes, " expected"));
  }
  LINNET_ASSIGN_OR_RETURN(const Json json, ParseJson(text, {.max_depth = 4, .max_values = kMostValues}));
  const Fields fields(json, where);
  LINNET_ASSIGN_OR_RETURN(const std::string format, fields.Text("format", 64));
  if (format != kFormat) return BadField(where, "\"format\" is not \"linnet-revoked-1\"");
  RevokedList list;
  LINNET_ASSIGN_OR_RETURN(const int64_t version, fields.Integer("version", 1, kMostVersion));
  list.version = static_cast<uint64_t>(version);
  LINNET_ASSIGN_OR_RETURN(const Json::Array* devices, fields.List("devices", 0, kMostRevoked));
  for (size_t i = 0; i < devices->size(); ++i) {
    LINNET_ASSIGN_OR_RETURN(RevokedDevice device, DeviceFromJson((*devices)[i], i));
    if (!list.devices.empty() && list.devices.back().device >= device.device) {
      return BadField(where, absl::StrCat("entry ", i + 1, " is out of order, or its device comes twice"));
    }
    list.devices.push_back(std::move(device));
  }
  // What these rules do not know must not hide in it.
  if (list.ToJson() != text) return BadField(where, "is not in canonical form, or has other fields");
  return list;
}

}  // namespace linnet::trust
