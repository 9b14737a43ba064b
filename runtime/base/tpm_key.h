#ifndef LINNET_RUNTIME_BASE_TPM_KEY_H_
#define LINNET_RUNTIME_BASE_TPM_KEY_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/base/keys.h"
#include "runtime/base/tpm.h"

// P-256 keys that were made in a TPM and can be used in that one only, as files: PEM "TSS2 PRIVATE KEY", the
// format of OpenSSL's tpm2 provider and engines (type "loadable key", parent: the owner hierarchy, no
// password).
namespace linnet::base {

// Where a device's next key is kept. One that is there is used wherever it lies.
enum class KeyPlace {
  kFile,  // in a file
  kTpm,   // in the TPM, or not at all
  kAuto,  // in the TPM where that works, else in a file
};
absl::StatusOr<KeyPlace> KeyPlaceOf(const std::string& name);  // "file", "tpm2", "auto"; InvalidArgument

struct KeyKeeping {
  KeyPlace place = KeyPlace::kFile;
  std::string tpm{kTpmDevice};  // device, or Unix socket
};

bool IsTpmKey(std::string_view pem);  // or a sealed secret

// A new key, as PEM. Errors: those of Tpm.
absl::StatusOr<std::string> MakeTpmKey(const Tpm& tpm);

// Does not ask the TPM: whether the key is its own, and it answers, shows when something is signed. DataLoss:
// no such file, or one with options that are not used here.
absl::StatusOr<PrivateKey> OpenTpmKey(std::string_view pem, std::shared_ptr<const Tpm> tpm);

// A secret of 1 to 128 bytes, as PEM that only this TPM can open (type "sealed data"). Errors: those of Tpm;
// of the second also DataLoss.
absl::StatusOr<std::string> SealWithTpm(const Tpm& tpm, std::string_view secret);
absl::StatusOr<std::string> UnsealWithTpm(const Tpm& tpm, std::string_view pem);

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_TPM_KEY_H_
