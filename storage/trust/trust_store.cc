#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/metadata.h"
#include "storage/trust/role_name.h"
#include "storage/trust/updater.h"

namespace linnet::trust {

std::string PercentEncode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string RoleFileName(std::string_view role) {
  // Room for ".json", for "<version>." before it and for the suffix of a temporary file behind it.
  static constexpr size_t kMostEncoded = 180;
  const std::string encoded = PercentEncode(role);
  if (encoded.size() <= kMostEncoded) return absl::StrCat(encoded, ".json");
  // "%s" is no percent-encoding, so no other role has this name.
  return absl::StrCat("%sha256-", base::Hex(base::Sha256(role)), ".json");
}

std::string TrustStore::PathOf(std::string_view role) const {
  return absl::StrCat(dir_, "/", RoleFileName(role));
}

absl::StatusOr<std::optional<std::string>> TrustStore::Load(std::string_view role) const {
  absl::StatusOr<std::string> bytes = fs_.ReadFile(PathOf(role), MaxBytesOf(role));
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  if (absl::IsResourceExhausted(bytes.status())) {
    // Larger than any that was stored: not what was written. No descriptor left: nothing is wrong with it.
    const absl::StatusOr<base::FileInfo> info = fs_.Stat(PathOf(role));
    if (info.ok() && info->size_bytes > MaxBytesOf(role)) {
      return absl::DataLossError(std::string(bytes.status().message()));
    }
  }
  LINNET_RETURN_IF_ERROR(bytes.status());
  return std::optional<std::string>(*std::move(bytes));
}

absl::Status TrustStore::Save(std::string_view role, std::string_view bytes) {
  return fs_.WriteFileAtomic(PathOf(role), bytes);
}

absl::Status TrustStore::Delete(std::string_view role) {
  LINNET_RETURN_IF_ERROR(fs_.Remove(PathOf(role)));
  return fs_.SyncDirectory(dir_);
}

absl::Status TrustStore::StartOver(std::string_view root) {
  const absl::StatusOr<std::vector<std::string>> names = fs_.List(dir_);
  if (!names.ok() && !absl::IsNotFound(names.status())) return names.status();
  if (names.ok()) {
    for (const std::string& name : *names) {
      if (name.ends_with(".json") && name != RoleFileName("root")) {
        LINNET_RETURN_IF_ERROR(fs_.Remove(absl::StrCat(dir_, "/", name)));
      }
    }
    LINNET_RETURN_IF_ERROR(fs_.SyncDirectory(dir_));
  }
  return Save("root", root);
}

}  // namespace linnet::trust
