#ifndef LINNET_STORAGE_REPO_FIELD_CIPHER_H_
#define LINNET_STORAGE_REPO_FIELD_CIPHER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/tpm_key.h"

namespace linnet::repo {

// Seals fields of user.db with AES-256-GCM. `column` ("table.column") is bound to the bytes, so that a sealed
// value moved to another column does not open. Immutable, thread-safe, cheap to copy.
class FieldCipher {
 public:
  // `key`: 32 bytes.
  explicit FieldCipher(std::string key);
  // Reads the key file at `path`, or makes it with mode 0600 when it is not there and `may_create`.
  // FailedPrecondition: absent and may not be made. DataLoss: not 32 bytes. PermissionDenied: other users
  // may read it. The file has the key, or a blob from which the TPM gets it: a key in a file is sealed when
  // `keeping` asks for it (the old bytes may live on in spare blocks of the flash); one that is sealed stays
  // so. Errors of base::Tpm then, too.
  static absl::StatusOr<FieldCipher> FromFile(base::FileSystem& fs, const std::string& path, bool may_create,
                                              const base::KeyKeeping& keeping = {});

  std::string Seal(std::string_view plain, std::string_view column) const;
  // DataLoss when the bytes were not sealed under this key for this column.
  absl::StatusOr<std::string> Open(std::string_view sealed, std::string_view column) const;

  // Several texts as one sealed value.
  std::string SealTexts(const std::vector<std::string>& texts, std::string_view column) const;
  absl::StatusOr<std::vector<std::string>> OpenTexts(std::string_view sealed, std::string_view column) const;

  // A key of 32 bytes for files of the owner's data beside user.db: another for each `purpose`, none of which
  // says anything of this one.
  std::string KeyFor(std::string_view purpose) const;

  // 16 bytes that are the same for the same text: finds a sealed name without opening every row.
  std::string LookUpKey(std::string_view text, std::string_view column) const;

 private:
  std::string key_, look_up_key_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_FIELD_CIPHER_H_
