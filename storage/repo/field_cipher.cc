#include "storage/repo/field_cipher.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/keys.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::repo {
namespace {

constexpr size_t kKeyBytes = 32;

// What lies on the disk for `key`.
absl::StatusOr<std::string> FileOf(const std::string& key, const base::KeyKeeping& keeping) {
  if (keeping.place == base::KeyPlace::kFile) return key;
  absl::StatusOr<std::string> sealed = base::SealWithTpm(base::Tpm(keeping.tpm), key);
  if (sealed.ok() || keeping.place == base::KeyPlace::kTpm) return sealed;
  base::Log(base::Severity::kWarning, "user_key_in_a_file",
            {{"error", base::LogValue::Error(sealed.status())}});
  return key;
}

}  // namespace

FieldCipher::FieldCipher(std::string key)
    : key_(std::move(key)), look_up_key_(base::AsView(base::HmacSha256(key_, "linnet look-up"))) {
  LINNET_CHECK(key_.size() == kKeyBytes);
}

absl::StatusOr<FieldCipher> FieldCipher::FromFile(base::FileSystem& fs, const std::string& path,
                                                  bool may_create, const base::KeyKeeping& keeping) {
  const absl::StatusOr<base::FileInfo> info = fs.Stat(path);
  if (absl::IsNotFound(info.status())) {
    if (!may_create) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": the key of this device's user data is missing; put the file back, or remove ",
                       "user.db beside it to start without the old data"));
    }
    std::string key = base::RandomBytes(kKeyBytes);
    LINNET_ASSIGN_OR_RETURN(const std::string file, FileOf(key, keeping));
    LINNET_RETURN_IF_ERROR(fs.WriteFileAtomic(path, file, 0600));
    return FieldCipher(std::move(key));
  }
  LINNET_RETURN_IF_ERROR(info.status());
  if ((info->mode & 077) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": other users may read this key; run: chmod 600 ", path));
  }
  LINNET_ASSIGN_OR_RETURN(std::string key, fs.ReadFile(path, 4096));
  const bool sealed = base::IsTpmKey(key);
  if (sealed) {
    absl::StatusOr<std::string> opened = base::UnsealWithTpm(base::Tpm(keeping.tpm), key);
    if (absl::IsDataLoss(opened.status())) {
      return absl::DataLossError(
          absl::StrCat(path, ": ", base::Message(opened.status()), "; restore the file"));
    }
    LINNET_ASSIGN_OR_RETURN(key, std::move(opened));
  }
  if (key.size() != kKeyBytes) {
    return absl::DataLossError(
        absl::StrCat(path, ": key has ", key.size(), " bytes, expected ", kKeyBytes, "; restore the file"));
  }
  if (!sealed && keeping.place != base::KeyPlace::kFile) {
    LINNET_ASSIGN_OR_RETURN(const std::string file, FileOf(key, keeping));
    if (file != key) LINNET_RETURN_IF_ERROR(fs.WriteFileAtomic(path, file, 0600));
  }
  return FieldCipher(std::move(key));
}

std::string FieldCipher::Seal(std::string_view plain, std::string_view column) const {
  return base::Seal(key_, plain, column);
}

absl::StatusOr<std::string> FieldCipher::Open(std::string_view sealed, std::string_view column) const {
  absl::StatusOr<std::string> plain = base::Open(key_, sealed, column);
  if (!plain.ok()) {
    return absl::DataLossError(
        absl::StrCat("user.db: a value of ", std::string(column), " does not open under this device's key"));
  }
  return plain;
}

std::string FieldCipher::SealTexts(const std::vector<std::string>& texts, std::string_view column) const {
  std::string packed;
  for (const std::string& text : texts) {
    const auto size = static_cast<uint32_t>(text.size());
    for (int shift = 0; shift < 32; shift += 8) packed += static_cast<char>((size >> shift) & 0xff);
    packed += text;
  }
  return Seal(packed, column);
}

absl::StatusOr<std::vector<std::string>> FieldCipher::OpenTexts(std::string_view sealed,
                                                                std::string_view column) const {
  LINNET_ASSIGN_OR_RETURN(const std::string packed, Open(sealed, column));
  std::vector<std::string> texts;
  for (size_t at = 0; at < packed.size();) {
    uint32_t size = 0;
    if (packed.size() - at >= 4) {
      for (int i = 0; i < 4; ++i) size |= uint32_t{static_cast<uint8_t>(packed[at + i])} << (8 * i);
    }
    if (packed.size() - at < 4 || packed.size() - at - 4 < size) {
      return absl::DataLossError(absl::StrCat("user.db: texts of ", std::string(column), " are cut short"));
    }
    texts.push_back(packed.substr(at + 4, size));
    at += 4 + size;
  }
  return texts;
}

std::string FieldCipher::KeyFor(std::string_view purpose) const {
  std::string message = "linnet file key: ";
  message += purpose;
  return std::string(base::AsView(base::HmacSha256(key_, message)));
}

std::string FieldCipher::LookUpKey(std::string_view text, std::string_view column) const {
  std::string message(column);
  message += '\0';
  message += text;
  return std::string(base::AsView(base::HmacSha256(look_up_key_, message)).substr(0, 16));
}

}  // namespace linnet::repo
