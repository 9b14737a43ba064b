#ifndef LINNET_STORAGE_TRUST_SITE_FILES_H_
#define LINNET_STORAGE_TRUST_SITE_FILES_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/keys.h"
#include "runtime/base/token_key.h"

// Inside of site*.cc and bundle.cc: names, folders, and how keys are read and written.
namespace linnet::trust {

inline constexpr uint64_t kMaxSmallFile = 64 * 1024;
inline constexpr int kRootKeys = 3;
inline constexpr int kTargetsKeys = 3;
inline constexpr int kOfflineThreshold = 2;  // of root and of targets
inline constexpr uint32_t kSecretMode = 0600;
inline constexpr uint32_t kPublicMode = 0644;

inline constexpr std::string_view kModelsPrefix = "models/";

// [a-z0-9-], 1 to 63 characters: names that become parts of roles, URIs and file names. InvalidArgument names
// `what`.
absl::Status CheckName(std::string_view what, std::string_view name);
// [A-Za-z0-9._-], 1 to 63 characters, not beginning with a dot.
absl::Status CheckLabel(std::string_view what, std::string_view label);

// OK when `dir` is not there, or is an empty folder. AlreadyExists says what to `do_instead`.
absl::Status CheckFree(base::FileSystem& fs, const std::string& dir, std::string_view do_instead);

// Below `dir`. Errors name the file.
absl::StatusOr<base::PrivateKey> ReadKey(base::FileSystem& fs, const std::string& dir,
                                         const std::string& name, std::string_view passphrase);
absl::Status WriteKey(base::FileSystem& fs, const std::string& dir, const std::string& name,
                      const base::PrivateKey& key, std::string_view passphrase);

// A key on a token, by its file below `dir`; nullopt: no such file, or it has a key of its own.
absl::StatusOr<std::optional<base::TokenKeyFile>> ReadTokenFile(base::FileSystem& fs, const std::string& dir,
                                                                const std::string& name);
absl::Status WriteTokenFile(base::FileSystem& fs, const std::string& dir, const std::string& name,
                            const std::string& uri, const base::PublicKey& key);
// `path` for messages. Errors of OpenTokenKey; PermissionDenied: the token has another key there now.
absl::StatusOr<base::PrivateKey> OpenTokenFile(const std::string& path, const base::TokenKeyFile& file,
                                               const base::TokenPin& pin);

// Held from Take() to the end of the object. Unavailable: another process holds it.
class SiteLock {
 public:
  static absl::StatusOr<SiteLock> Take(const std::string& dir);
  ~SiteLock();
  SiteLock(SiteLock&& other) noexcept;
  SiteLock& operator=(SiteLock&&) = delete;

 private:
  explicit SiteLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_SITE_FILES_H_
