#ifndef LINNET_STORAGE_TRUST_SITE_H_
#define LINNET_STORAGE_TRUST_SITE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/token_key.h"
#include "storage/trust/plan.h"
#include "storage/trust/release_suite.h"
#include "storage/trust/revoked_list.h"
#include "storage/trust/updater.h"

namespace linnet::trust {

// The operator's side: a folder with the offline keys, and what the coordinator and the operator's commands
// need to start.
//
//   site.json                    {"site": "<32 hex>", "name": ...}
//   lock                         held while a command works here
//   offline/                     people's; may live on a stick. Keys are sealed with the passphrase, mode
//   0600, or the file says where on a PKCS#11 token the key is
//     root-{1,2,3}.key targets-{1,2,3}.key plans.key models-<family>.key    (later ones: site_keys.h)
//     device-ca-root.key operator-ca.key
//     metadata/<role>.json       what was signed here last: a coordinator cannot make us sign on an older
//     base
//     metadata/<version>.root.json   every root since the first: a coordinator that is behind needs each
//   coordinator/                 the coordinator's; may be copied to its machine
//     site.json                  the same as above
//     snapshot.key timestamp.key device-ca.key server.key       plain PEM, mode 0600 (later ones of the first
//     two: online_keys.h)
//     device-ca.pem              intermediate authority that signs device certificates
//     server.pem                 URI linnet-coordinator:<site>; signed by the fleet root itself
//     fleet-root.pem             what devices accept, and what device certificates lead to
//     operator-root.pem          what operator certificates lead to
//     repository/                <version>.<role>.json and timestamp.json: trust::Repository opens it
//   operator/                    opens the coordinator's admin port; makes no device do more
//     operator.key operator.pem  URI linnet-operator:<name>; plain PEM, mode 0600
//     fleet-root.pem             under which the server's certificate is verified
//     coordinator.pin            SHA-256 of the server's SPKI, hex
//     admin-address              "127.0.0.1:7310"
//   indexes/<SHA-256>.json       how models that were published are cut (linnet model publish: what an update
//                                costs); signed metadata has the hashes, nothing else is lost with them
//   suites/<SHA-256>.json        suites of models that were published, for bundles
//   revoked/<SHA-256>.json       the list of revoked devices as it was signed last (the coordinator has it
//   too)
inline constexpr std::string_view kSiteOffline = "offline";
inline constexpr std::string_view kSiteCoordinator = "coordinator";
inline constexpr std::string_view kSiteRepository = "coordinator/repository";
inline constexpr std::string_view kSiteOperator = "operator";

// Where a site keeps the suite with this hash (32 bytes).
std::string SuiteFile(const std::string& dir, std::string_view sha256);

struct SiteOptions {
  std::string name = "home";               // [a-z0-9-], at most 63
  std::string passphrase;                  // seals the offline keys; empty: plain PEM (demo, tests)
  std::string operator_name = "operator";  // [a-z0-9-], at most 63
  std::vector<std::string> server_names;   // DNS names of the coordinator beside localhost
  std::string admin_address = "127.0.0.1:7310";
  // Keys that are on a token already, by their places: {"root-1", "pkcs11:token=...;object=..."}.
  std::map<std::string, std::string> token_keys;
  base::TokenPin pin;
};

// Makes a site. All or nothing: built beside `dir`, then renamed. AlreadyExists: `dir` is there and not
// empty. InvalidArgument: a name, or a token's key; else errors of OpenTokenKey.
absl::Status InitSite(base::FileSystem& fs, const std::string& dir, const SiteOptions& options,
                      const base::Clock& clock);

// What to hand to the coordinator (admin.v1 Publish), and what it vouches for.
struct Publication {
  // Role -> bytes; in any order; empty: nothing is new. Roots on the way to the last one: OfflineSet's
  // RootStep.
  std::map<std::string, std::string> metadata;
  std::vector<TargetInfo> targets;  // what this call signed, the file itself first
  std::map<std::string, std::string>
      small_targets;  // target path -> bytes: index, suite, plan, revoked devices
};

struct ModelRelease {
  std::string family;   // [a-z0-9-], at most 63: the role is "models/<family>"
  std::string name;     // [A-Za-z0-9._-]; the target is "models/<family>/<name>-<version>.linnet"
  std::string version;  // [A-Za-z0-9._-]
  std::string file;     // a packed model on this machine: devices take no other
  std::string index_json;
  // What its devices must see it do first; empty: nothing. Signed as it is: whoever signs has read it.
  std::string suite_json;
  uint32_t suite_least_ppm = kAllPpm;
  std::string license;           // SPDX expression or a few words
  uint64_t release_counter = 0;  // 0: one more than the largest of the family
};

// Brings a small target's bytes from where it is published; they are not believed.
using FetchTarget = std::function<absl::StatusOr<std::string>(std::string_view target)>;

// What PublishModel says about all but the file. InvalidArgument names what has no allowed form.
absl::Status CheckRelease(const ModelRelease& release);

// Signatures that one role needs by one list of keys, and has.
struct SignatureCount {
  std::string role;
  bool before = false;  // by the keys of the root before this one, which a root needs too
  uint64_t have = 0, need = 0;
  std::vector<std::string> signed_by, not_signed_by;  // "root-1"; see site_keys.h
};

// New versions of offline roles, signed as far as the keys on this machine go. Below a threshold it travels
// to the next machine as a file.
struct Change {
  std::map<std::string, std::string> metadata;  // role -> bytes
  std::vector<SignatureCount> signatures;
  std::vector<std::string> says;  // for the person who signs: what it changes, a line each
  absl::Status unreachable;       // not OK: the first key that lies on a token which is not here
  // Made here for the coordinator, below the site: copied there before it can take this change.
  std::vector<std::string> online_key_files;
  bool complete() const;
};

struct KeyFileStatus {
  std::string path;  // below the site
  bool present = false;
  bool encrypted = false;
  std::string token_uri;  // not empty: the key itself is there
  bool unlisted = false;  // by its name: left a role in a rotation, or waits for signatures to join one
  uint32_t mode = 0;
};
struct RoleStatus {
  std::string role;
  uint64_t version = 0;
  uint32_t threshold = 0;
  uint32_t keys = 0;
  absl::Time expires;
  std::vector<std::string> signed_by, not_signed_by;  // "root-1", in the order of the role's keys
  std::vector<std::string> keyids;                    // hex, in the same order
};
// A key that the coordinator signs with.
struct OnlineKeyStatus {
  std::string role, keyid;
  std::string file;  // below the site; empty: not on this machine
};
struct SiteStatus {
  std::string site, name;
  std::vector<RoleStatus> roles;             // as last signed here
  std::vector<OnlineKeyStatus> online_keys;  // that the root names
  std::vector<KeyFileStatus> key_files;
  // InfinitePast: not on this machine.
  absl::Time server_certificate_expires, device_ca_expires, operator_certificate_expires;
};

// An open site; holds its lock. Not thread-safe. `current` is what the coordinator has published (admin.v1
// GetRepository: role -> bytes; may be empty); it is verified against the site's own root, and is never
// believed to be older than what was signed here.
class Site {
 public:
  // NotFound: no site there. Unavailable: another command works in it. The passphrase is needed only to sign,
  // the PIN only for keys on tokens.
  static absl::StatusOr<std::unique_ptr<Site>> Open(base::FileSystem& fs, const std::string& dir,
                                                    std::string passphrase, const base::Clock& clock,
                                                    base::TokenPin pin = nullptr);
  virtual ~Site() = default;

  // Signs a model, its index and its suite into the role of its family; makes the family's key, and its
  // delegation with two of the three targets keys, when it is new. Signing the same bytes again changes
  // nothing. AlreadyExists: the name and version stand for other bytes. Unauthenticated: wrong passphrase, or
  // `current` is not this site's.
  virtual absl::StatusOr<Publication> PublishModel(const ModelRelease& release,
                                                   const std::map<std::string, std::string>& current) = 0;
  // Signs a plan as target "plans/<id>.json". FailedPrecondition: a canary without its key
  // (Plan::CheckPinned), or the model that it names is not signed (unless `allow_unsigned_model`: devices
  // refuse such a plan, and tests show that).
  virtual absl::StatusOr<Publication> SignPlan(const Plan& plan,
                                               const std::map<std::string, std::string>& current,
                                               bool allow_unsigned_model = false) = 0;
  // Signs a lift as target Lift::Target(). FailedPrecondition: no such plan is signed.
  virtual absl::StatusOr<Publication> SignLift(const Lift& lift,
                                               const std::map<std::string, std::string>& current) = 0;
  // The list of revoked devices as it was signed last, here or by another operator; version 0: none was.
  // `fetch` may be empty: then only a copy on this machine will do. NotFound: there is none.
  virtual absl::StatusOr<RevokedList> Revoked(const FetchTarget& fetch,
                                              const std::map<std::string, std::string>& current) const = 0;
  // Signs `list` as target "plans/revoked.json" in the place of the one before. The same list again changes
  // nothing. FailedPrecondition: its version is not above the signed one.
  virtual absl::StatusOr<Publication> SignRevoked(const RevokedList& list,
                                                  const std::map<std::string, std::string>& current) = 0;
  // Signs a model's bytes once more, as the newest release of its family: devices never go back to a lower
  // release counter, so this is how a site returns to an older model. Nothing is signed where it is the
  // newest already. The release is `targets[0]`. NotFound.
  virtual absl::StatusOr<Publication> ReleaseAgain(std::string_view target,
                                                   const std::map<std::string, std::string>& current) = 0;
  // The signed target under this path, e.g. to fill in a plan. NotFound.
  virtual absl::StatusOr<TargetInfo> FindTarget(std::string_view path,
                                                const std::map<std::string, std::string>& current) const = 0;

  // Changes of roles. Nothing is remembered or in force before Adopt.
  //
  // The same content for longer; `lifetime` zero: as lifetimes.h says. NotFound: no such role.
  virtual absl::StatusOr<Change> Renew(const std::vector<std::string>& roles, absl::Duration lifetime,
                                       const std::map<std::string, std::string>& current) = 0;
  // A new key takes the place of `key`: "root-1", "1", or the beginning of its id; empty: the only one. It is
  // made here, or, when `token_uri` is not empty, it is that key of a token.
  virtual absl::StatusOr<Change> RotateKey(const std::string& role, std::string_view key,
                                           const std::map<std::string, std::string>& current,
                                           const std::string& token_uri = "") = 0;
  // New keys for the coordinator, which one new root names: `roles` of snapshot, timestamp or both. Their
  // files (Change::online_key_files) go to the coordinator's machine before the root is published.
  virtual absl::StatusOr<Change> RotateOnlineKeys(const std::vector<std::string>& roles,
                                                  const std::map<std::string, std::string>& current) = 0;
  // Takes a model out of its role: `name` is its target, or the last part of it. Devices that run it go on.
  // Its release counter and its name are not given to other bytes.
  virtual absl::StatusOr<Change> Withdraw(std::string_view name,
                                          const std::map<std::string, std::string>& current) = 0;
  // Adds the signatures of this machine's keys to a change that another machine began (ChangeFile).
  // PermissionDenied: of another site; DataLoss: no such file; FailedPrecondition: made from roles that have
  // changed since.
  virtual absl::StatusOr<Change> Sign(std::string_view file,
                                      const std::map<std::string, std::string>& current) = 0;
  virtual std::string ChangeFile(const Change& change) const = 0;
  // Remembers a complete change, and says what to publish. Unauthenticated: below a threshold.
  virtual absl::StatusOr<Publication> Adopt(const Change& change,
                                            const std::map<std::string, std::string>& current) = 0;
  // What is signed here and not published yet.
  virtual absl::StatusOr<Publication> Unpublished(const std::map<std::string, std::string>& current) = 0;

  // What was signed here last: role -> bytes, "root" too.
  virtual absl::StatusOr<std::map<std::string, std::string>> Offline() const = 0;
  virtual absl::StatusOr<SiteStatus> Status() const = 0;
  virtual const std::string& id() const = 0;
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_SITE_H_
