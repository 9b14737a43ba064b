#ifndef LINNET_AGENT_FLEET_IDENTITY_KEYS_H_
#define LINNET_AGENT_FLEET_IDENTITY_KEYS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/keys.h"
#include "runtime/base/tpm.h"
#include "runtime/base/tpm_key.h"

namespace linnet::fleet {

// The private keys of <state>/identity (folder 0700, files 0600): P-256, as PKCS#8, or as blobs that only
// this machine's TPM can use. Keys that are there are used wherever they lie: where the next one is made is
// for renewals. Thread-safe.
class IdentityKeys {
 public:
  IdentityKeys(base::FileSystem& fs, std::string dir, const base::KeyKeeping& keeping)
      : fs_(fs),
        dir_(std::move(dir)),
        place_(keeping.place),
        tpm_(std::make_shared<const base::Tpm>(keeping.tpm)) {}

  // Makes the folder. With KeyPlace::kTpm: errors of Tpm::Probe.
  absl::Status Open();
  // Does not ask the TPM. NotFound; DataLoss: damaged.
  absl::StatusOr<base::PrivateKey> Read(const std::string& name) const;
  // Has signed: for a key of a TPM, which may be gone, or another. Tpm::FailedAt knows those errors.
  absl::StatusOr<base::PrivateKey> ReadAndTry(const std::string& name) const;
  absl::StatusOr<base::PrivateKey> ReadOrMake(const std::string& name);
  absl::Status Copy(const std::string& from, const std::string& to);
  // Removes all others.
  void Sweep(const std::string& keep);

  const std::string& dir() const { return dir_; }

 private:
  absl::StatusOr<std::string> Make() const;  // as a file
  absl::StatusOr<base::PrivateKey> Parse(const std::string& name, const std::string& file) const;

  base::FileSystem& fs_;
  const std::string dir_;
  const base::KeyPlace place_;
  const std::shared_ptr<const base::Tpm> tpm_;
};

}  // namespace linnet::fleet

#endif  // LINNET_AGENT_FLEET_IDENTITY_KEYS_H_
