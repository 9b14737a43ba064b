#ifndef LINNET_RUNTIME_BASE_TOKEN_KEY_H_
#define LINNET_RUNTIME_BASE_TOKEN_KEY_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/keys.h"

// P-256 keys on PKCS#11 tokens (smart cards, HSMs), through OpenSSL's engine "pkcs11" (libp11; Debian:
// libengine-pkcs11-openssl). It is loaded when the first such key is opened, from the system's folder of
// engines, and never before; which module drives the token is its own business (PKCS11_MODULE_PATH, p11-kit).
namespace linnet::base {

// A key's name, RFC 7512, as it is taken here: it says which token ("token=" or "serial=") and which key on
// it ("object=" or "id="), and has no query part, so that no PIN stands in a file or in a list of processes.
// InvalidArgument says what is wrong.
absl::Status CheckTokenUri(std::string_view uri);

// Brings the PIN of the token that `uri` names. Called at most once a key that is opened: tokens lock after a
// few wrong ones. All tokens of one process have the same PIN.
using TokenPin = std::function<absl::StatusOr<std::string>(const std::string& uri)>;

// The P-256 key that `uri` names, with the public half that the token shows. InvalidArgument: bad URI, or a
// key of another type. Unimplemented: the engine is not installed. Unavailable: no such token or key is here
// now. Unauthenticated: wrong PIN, or one that the token does not take any more. Else what `pin` returned.
absl::StatusOr<PrivateKey> OpenTokenKey(const std::string& uri, const TokenPin& pin);

// What lies in a folder of keys for a key on a token: nothing secret, one line of JSON with fixed fields.
//
//   {"linnet-token-key":1,"uri":"<uri>","public":"<hex of the point, 65 bytes>","sha256":"<hex>"}
struct TokenKeyFile {
  std::string uri;
  PublicKey key;  // the signature of any other is refused

  static bool Is(std::string_view file);
  static absl::StatusOr<TokenKeyFile> Parse(std::string_view file);  // DataLoss
  std::string ToFile() const;
};

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_TOKEN_KEY_H_
