#ifndef LINNET_AGENT_OWNER_OWNER_H_
#define LINNET_AGENT_OWNER_OWNER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/owner/grant_store.h"
#include "agent/owner/scopes.h"
#include "runtime/base/file_system.h"
#include "runtime/base/keys.h"
#include "runtime/base/mutex.h"
#include "runtime/base/x509.h"
#include "storage/repo/field_cipher.h"

namespace linnet::owner {

// Who is calling, as a door found out. Each field is what was shown; nothing is believed yet.
struct Credential {
  bool local_user = false;                       // came over the Unix socket (file permission)
  std::optional<base::Certificate> certificate;  // client certificate of a TLS connection
  std::string bearer_token;                      // of "authorization: Bearer ..."; empty when absent
};

struct NewGrant {
  Grant grant;
  std::string bearer_token;  // shown once, never stored
  std::string certificate_pem, private_key_pem;
};

// The owner's domain of one device (TRUST.md): a key made here at first start, the certificate of the owner's
// door, and the grants. A certificate of the fleet or of an operator opens nothing here: one root is
// accepted, and it is this device's own. Thread-safe.
class Owner {
 public:
  struct Options {
    std::string directory;  // <state>/owner, made with mode 0700
    std::string device_id_hex;
    std::function<absl::Time()> now;  // max(system time, last time believed)
  };

  static constexpr absl::Duration kDefaultValidity = absl::Hours(24 * 365);
  static constexpr absl::Duration kMaxValidity = absl::Hours(24 * 3650);

  // Makes what is absent. DataLoss: a file is damaged (named, with what to do).
  static absl::StatusOr<std::unique_ptr<Owner>> Open(base::FileSystem& fs, Options options,
                                                     repo::FieldCipher cipher);

  const base::Certificate& root() const { return root_; }
  const base::Certificate& server_certificate() const { return server_; }
  std::string server_chain_pem() const { return server_.ToPem() + root_.ToPem(); }
  std::string server_key_pem() const { return server_key_.ToPem(); }

  // `valid` zero: kDefaultValidity. InvalidArgument: bad name (1 to 64 bytes of UTF-8 without control
  // characters) or validity above kMaxValidity. ResourceExhausted: too many grants.
  absl::StatusOr<NewGrant> CreateGrant(const std::string& name, Scopes scopes, absl::Duration valid);
  std::vector<Grant> ListGrants() const;
  absl::Status RevokeGrant(const std::string& id);  // NotFound

  // OK when the caller may do what `scope` opens. Unauthenticated: nothing shown, or what was shown is not of
  // this device's owner, expired or revoked. PermissionDenied: the grant lacks the scope.
  absl::Status Authorize(const Credential& credential, Scope scope) const;
  // OK when the caller may give all of `scopes` away: nobody gives what they lack. PermissionDenied names the
  // first missing one; else as Authorize.
  absl::Status AuthorizeGiving(const Credential& credential, Scopes scopes) const;

 private:
  Owner(Options options, base::PrivateKey root_key, base::Certificate root, base::PrivateKey server_key,
        base::Certificate server, std::unique_ptr<GrantStore> grants)
      : options_(std::move(options)),
        root_key_(std::move(root_key)),
        root_(std::move(root)),
        server_key_(std::move(server_key)),
        server_(std::move(server)),
        grants_(std::move(grants)) {}
  absl::StatusOr<Grant> GrantOf(const Credential& credential) const;

  const Options options_;
  const base::PrivateKey root_key_;
  const base::Certificate root_;
  const base::PrivateKey server_key_;
  const base::Certificate server_;
  mutable base::Mutex mutex_;
  std::unique_ptr<GrantStore> grants_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace linnet::owner

#endif  // LINNET_AGENT_OWNER_OWNER_H_
