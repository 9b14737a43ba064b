#include "agent/fleet/identity_keys.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::fleet {
namespace {

constexpr uint64_t kMaxKeyBytes = 16 << 10;

}  // namespace

absl::Status IdentityKeys::Open() {
  LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(dir_, 0700));
  return place_ == base::KeyPlace::kTpm ? tpm_->Probe() : absl::OkStatus();
}

absl::StatusOr<base::PrivateKey> IdentityKeys::Parse(const std::string& name, const std::string& file) const {
  if (!base::IsTpmKey(file)) return base::PrivateKey::FromPem(file);
  absl::StatusOr<base::PrivateKey> key = base::OpenTpmKey(file, tpm_);
  if (key.ok()) return key;
  return absl::Status(key.status().code(), absl::StrCat(dir_, "/", name, ": ", base::Message(key.status())));
}

absl::StatusOr<base::PrivateKey> IdentityKeys::Read(const std::string& name) const {
  LINNET_ASSIGN_OR_RETURN(const std::string file, fs_.ReadFile(absl::StrCat(dir_, "/", name), kMaxKeyBytes));
  return Parse(name, file);
}

absl::StatusOr<base::PrivateKey> IdentityKeys::ReadAndTry(const std::string& name) const {
  LINNET_ASSIGN_OR_RETURN(base::PrivateKey key, Read(name));
  if (key.hardware() != nullptr) LINNET_RETURN_IF_ERROR(key.Sign("is it there").status());
  return key;
}

absl::StatusOr<std::string> IdentityKeys::Make() const {
  if (place_ != base::KeyPlace::kFile) {
    absl::StatusOr<std::string> made = base::MakeTpmKey(*tpm_);
    if (made.ok() || place_ == base::KeyPlace::kTpm) return made;
    base::Log(base::Severity::kWarning, "identity_key_in_a_file",
              {{"error", base::LogValue::Error(made.status())}});
  }
  return base::PrivateKey::Generate(base::KeyType::kP256).ToPem();
}

absl::StatusOr<base::PrivateKey> IdentityKeys::ReadOrMake(const std::string& name) {
  absl::StatusOr<base::PrivateKey> key = Read(name);
  // A file that was cut short by a power cut was never used: it is written before anything is sent.
  if (key.ok()) return key;
  LINNET_ASSIGN_OR_RETURN(const std::string made, Make());
  LINNET_RETURN_IF_ERROR(fs_.WriteFileAtomic(absl::StrCat(dir_, "/", name), made, 0600));
  return Parse(name, made);
}

absl::Status IdentityKeys::Copy(const std::string& from, const std::string& to) {
  LINNET_ASSIGN_OR_RETURN(const std::string file, fs_.ReadFile(absl::StrCat(dir_, "/", from), kMaxKeyBytes));
  return fs_.WriteFileAtomic(absl::StrCat(dir_, "/", to), file, 0600);
}

void IdentityKeys::Sweep(const std::string& keep) {
  const absl::StatusOr<std::vector<std::string>> names = fs_.List(dir_);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (name == keep || name.find(".key") == std::string::npos) continue;
    if (const absl::Status status = fs_.Remove(absl::StrCat(dir_, "/", name)); !status.ok()) {
      base::Log(base::Severity::kWarning, "old_key_not_removed", {{"error", base::LogValue::Error(status)}});
    }
  }
}

}  // namespace linnet::fleet
