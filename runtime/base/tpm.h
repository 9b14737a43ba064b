#ifndef LINNET_RUNTIME_BASE_TPM_H_
#define LINNET_RUNTIME_BASE_TPM_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/mutex.h"

namespace linnet::base {

inline constexpr std::string_view kTpmDevice = "/dev/tpmrm0";  // the kernel's resource manager

// A TPM 2.0, spoken to by its own protocol (TCG "TPM 2.0 Library", parts 2 and 3) at the kernel's device or
// at a Unix socket (swtpm): the few commands that a device's key needs, and no library. Debian 12's provider
// for OpenSSL (tpm2-openssl 1.1.1) will not do in a daemon: it is not made for threads (its 1.3.0 is), leaves
// keys loaded, and TLS handshakes with its keys fail ("missing private key"; its 1.2.0 mends that).
//
// Keys hang below the primary key that the TPM derives from its owner seed (ECC P-256, the template of the
// "TSS2 PRIVATE KEY" format), have no password, and are of use in this TPM only. Each call has a connection
// of its own, so that nothing stays loaded. Thread-safe; one call at a time.
//
// Errors, all of which FailedAt knows: Unavailable (no TPM at `path`, busy, no answer in time),
// PermissionDenied (this user may not open it; the key is of another TPM, or from before this one was
// cleared; the owner hierarchy has a password), Internal (it answers what is no answer).
class Tpm {
 public:
  explicit Tpm(std::string path, absl::Duration patience = absl::Seconds(10))
      : path_(std::move(path)), patience_(patience) {}

  // A key as it lies outside of its TPM: the bytes of TPM2B_PUBLIC and TPM2B_PRIVATE, sizes in front.
  struct Blob {
    std::string public_area, private_area;
  };

  // A new key for ECDSA on P-256.
  absl::StatusOr<Blob> CreateKey() const;
  // An ECDSA signature, DER. `digest`: 32 bytes, SHA-256.
  absl::StatusOr<std::string> Sign(const Blob& key, std::string_view digest) const;
  // A secret of at most 128 bytes that only this TPM gives back.
  absl::StatusOr<Blob> Seal(std::string_view secret) const;
  absl::StatusOr<std::string> Unseal(const Blob& sealed) const;
  // Does it answer, and let us use its owner hierarchy?
  absl::Status Probe() const;

  // The point of a key's public half, 65 bytes. InvalidArgument: it is not one that CreateKey has made.
  static absl::StatusOr<std::string> PointOf(const Blob& key);
  // Is this the error of a TPM? Kept through LINNET_RETURN_IF_ERROR.
  static bool FailedAt(const absl::Status& status);

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  const absl::Duration patience_;
  mutable Mutex mutex_;
};

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_TPM_H_
