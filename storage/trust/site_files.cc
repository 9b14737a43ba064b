#include "storage/trust/site_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/site.h"

namespace linnet::trust {
namespace {

constexpr uint64_t kMaxKeyBytes = 32 * 1024;
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz0123456789-";
constexpr std::string_view kLabel = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

absl::Status CheckCharacters(std::string_view what, std::string_view text, std::string_view allowed,
                             std::string_view described) {
  if (!text.empty() && text.size() <= 63 && text.find_first_not_of(allowed) == std::string_view::npos &&
      text[0] != '.') {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(std::string(what), " \"", std::string(text.substr(0, 80)),
                                                 "\": 1 to 63 of ", std::string(described), " are expected"));
}

absl::Status Under(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", base::Message(status)));
}

}  // namespace

absl::Status CheckName(std::string_view what, std::string_view name) {
  return CheckCharacters(what, name, kLower, "a-z 0-9 -");
}

absl::Status CheckLabel(std::string_view what, std::string_view label) {
  return CheckCharacters(what, label, kLabel, "A-Z a-z 0-9 . _ -");
}

absl::Status CheckFree(base::FileSystem& fs, const std::string& dir, std::string_view do_instead) {
  const absl::StatusOr<base::FileInfo> info = fs.Stat(dir);
  if (absl::IsNotFound(info.status())) return absl::OkStatus();
  LINNET_RETURN_IF_ERROR(info.status());
  if (info->is_directory) {
    LINNET_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(dir));
    if (names.empty()) return absl::OkStatus();
  }
  return absl::AlreadyExistsError(
      absl::StrCat(dir, ": is there already and is not overwritten; ", std::string(do_instead)));
}

absl::StatusOr<base::PrivateKey> ReadKey(base::FileSystem& fs, const std::string& dir,
                                         const std::string& name, std::string_view passphrase) {
  const std::string path = absl::StrCat(dir, "/", name);
  LINNET_ASSIGN_OR_RETURN(const std::string file, fs.ReadFile(path, kMaxKeyBytes));
  absl::StatusOr<base::PrivateKey> key = base::OpenKey(file, passphrase);
  if (!key.ok()) return Under(path, key.status());
  return key;
}

absl::Status WriteKey(base::FileSystem& fs, const std::string& dir, const std::string& name,
                      const base::PrivateKey& key, std::string_view passphrase) {
  return fs.WriteFileAtomic(absl::StrCat(dir, "/", name), base::SealKey(key, passphrase), kSecretMode);
}

absl::StatusOr<std::optional<base::TokenKeyFile>> ReadTokenFile(base::FileSystem& fs, const std::string& dir,
                                                                const std::string& name) {
  const std::string path = absl::StrCat(dir, "/", name);
  const absl::StatusOr<std::string> file = fs.ReadFile(path, kMaxKeyBytes);
  if (absl::IsNotFound(file.status())) return std::nullopt;
  LINNET_RETURN_IF_ERROR(file.status());
  if (!base::TokenKeyFile::Is(*file)) return std::nullopt;
  absl::StatusOr<base::TokenKeyFile> parsed = base::TokenKeyFile::Parse(*file);
  if (!parsed.ok()) return Under(path, parsed.status());
  return *std::move(parsed);
}

absl::Status WriteTokenFile(base::FileSystem& fs, const std::string& dir, const std::string& name,
                            const std::string& uri, const base::PublicKey& key) {
  return fs.WriteFileAtomic(absl::StrCat(dir, "/", name), base::TokenKeyFile{.uri = uri, .key = key}.ToFile(),
                            kSecretMode);
}

absl::StatusOr<base::PrivateKey> OpenTokenFile(const std::string& path, const base::TokenKeyFile& file,
                                               const base::TokenPin& pin) {
  absl::StatusOr<base::PrivateKey> key = base::OpenTokenKey(file.uri, pin);
  if (!key.ok()) return Under(path, key.status());
  if (key->public_key().Raw() != file.key.Raw()) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": the token has another key as ", file.uri,
                     " than the one that was taken into use; nothing was signed"));
  }
  return key;
}

absl::StatusOr<SiteLock> SiteLock::Take(const std::string& dir) {
  const std::string path = dir + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kSecretMode);
  if (fd < 0) {
    const std::string message = absl::StrCat(path, ": cannot open: ", std::strerror(errno));
    return errno == ENOENT ? absl::NotFoundError(message) : absl::PermissionDeniedError(message);
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return absl::UnavailableError(
        absl::StrCat(path, ": another command works in this site; wait until it has ended"));
  }
  return SiteLock(fd);
}

SiteLock::SiteLock(SiteLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

SiteLock::~SiteLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace linnet::trust
