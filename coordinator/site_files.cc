#include "coordinator/site_files.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::coordinator {
namespace {

constexpr uint64_t kMaxFileBytes = 64 << 10;
constexpr uint64_t kMaxMetadataBytes = 5 << 20;

absl::Status Named(const std::string& path, const absl::Status& status) {
  return {status.code(), absl::StrCat(path, ": ", base::Message(status))};
}

absl::StatusOr<base::Certificate> ReadCertificate(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const std::string pem, fs.ReadFile(path, kMaxFileBytes));
  auto certificate = base::Certificate::FromPem(pem);
  if (!certificate.ok()) return Named(path, certificate.status());
  return certificate;
}

absl::StatusOr<base::PrivateKey> ReadKey(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const std::string file, fs.ReadFile(path, kMaxFileBytes));
  auto key = base::OpenKey(file, "");
  if (!key.ok()) return Named(path, key.status());
  return key;
}

}  // namespace

absl::StatusOr<SiteFiles> LoadSiteFiles(base::FileSystem& fs, const std::string& dir) {
  const absl::Status folder = fs.Stat(dir).status();
  if (absl::IsNotFound(folder)) {
    return absl::NotFoundError(absl::StrCat(
        dir,
        ": no such folder; give the folder \"coordinator\" that `linnet site init` made with --site-dir"));
  }
  LINNET_RETURN_IF_ERROR(folder);
  const absl::Status site = fs.Stat(absl::StrCat(dir, "/server.pem")).status();
  if (absl::IsNotFound(site)) {
    return absl::FailedPreconditionError(
        absl::StrCat(dir,
                     ": holds no server.pem; give the folder \"coordinator\" inside what `linnet site init` "
                     "made with --site-dir"));
  }
  LINNET_RETURN_IF_ERROR(site);
  const auto at = [&](const char* name) { return absl::StrCat(dir, "/", name); };
  LINNET_ASSIGN_OR_RETURN(base::Certificate server, ReadCertificate(fs, at("server.pem")));
  LINNET_ASSIGN_OR_RETURN(std::string server_pem, fs.ReadFile(at("server.pem"), kMaxFileBytes));
  LINNET_ASSIGN_OR_RETURN(base::PrivateKey server_key, ReadKey(fs, at("server.key")));
  LINNET_ASSIGN_OR_RETURN(base::Certificate device_ca, ReadCertificate(fs, at("device-ca.pem")));
  LINNET_ASSIGN_OR_RETURN(base::PrivateKey device_ca_key, ReadKey(fs, at("device-ca.key")));
  LINNET_ASSIGN_OR_RETURN(base::Certificate fleet_root, ReadCertificate(fs, at("fleet-root.pem")));
  LINNET_ASSIGN_OR_RETURN(base::Certificate operator_root, ReadCertificate(fs, at("operator-root.pem")));
  if (device_ca.public_key().SpkiDer() != device_ca_key.public_key().SpkiDer()) {
    return absl::FailedPreconditionError(
        absl::StrCat(at("device-ca.key"), ": is not the key of device-ca.pem"));
  }
  return SiteFiles{.server = {std::move(server_pem), server_key.ToPem()},
                   .server_spki_sha256 = std::string(base::AsView(server.SpkiSha256())),
                   .device_ca = std::move(device_ca),
                   .device_ca_key = std::move(device_ca_key),
                   .fleet_root = std::move(fleet_root),
                   .operator_root = std::move(operator_root)};
}

absl::StatusOr<std::string> PrepareRepository(base::FileSystem& fs, const std::string& site_dir,
                                              const std::string& state_dir) {
  const std::string target = absl::StrCat(state_dir, "/repository");
  const absl::Status there = fs.Stat(target).status();
  if (there.ok()) return target;
  if (!absl::IsNotFound(there)) return there;
  // Copied beside it, then renamed: a crash leaves no half repository under the final name.
  const std::string from = absl::StrCat(site_dir, "/repository");
  const std::string half = absl::StrCat(target, ".new");
  LINNET_RETURN_IF_ERROR(fs.CreateDirectories(half));
  LINNET_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(from));
  for (const std::string& name : names) {
    LINNET_ASSIGN_OR_RETURN(const std::string bytes,
                            fs.ReadFile(absl::StrCat(from, "/", name), kMaxMetadataBytes));
    LINNET_RETURN_IF_ERROR(fs.WriteFileAtomic(absl::StrCat(half, "/", name), bytes));
  }
  LINNET_RETURN_IF_ERROR(fs.Rename(half, target));
  LINNET_RETURN_IF_ERROR(fs.SyncDirectory(state_dir));
  return target;
}

}  // namespace linnet::coordinator
