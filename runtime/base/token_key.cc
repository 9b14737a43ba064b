// Engines are what Debian 12 has for tokens: there is no provider, and OpenSSL 3 still loads them.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "runtime/base/token_key.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/ui.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/hash.h"
#include "runtime/base/mutex.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::base {
namespace {

constexpr std::string_view kScheme = "pkcs11:";
constexpr std::string_view kBegin = R"({"linnet-token-key":1,"uri":")";
constexpr size_t kMaxUriBytes = 1024;
constexpr size_t kMaxPinBytes = 255;
constexpr char kWrongPin[] = ": wrong PIN for the token";

absl::Status BadUri(std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("token key: ", std::string(why),
                   "; expected pkcs11:token=NAME;object=NAME (pkcs11-tool --list-objects shows both)"));
}

struct EngineEnd {
  void operator()(ENGINE* engine) const {
    ENGINE_finish(engine);
    ENGINE_free(engine);
  }
};
using Engine = std::unique_ptr<ENGINE, EngineEnd>;

absl::StatusOr<Engine> LoadEngine(const std::string& uri) {
  OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_DYNAMIC, nullptr);
  ENGINE* engine = ENGINE_by_id("pkcs11");
  if (engine == nullptr) {
    ERR_clear_error();
    return absl::UnimplementedError(
        absl::StrCat(uri,
                     ": keys on tokens need OpenSSL's engine \"pkcs11\", which is not installed here; "
                     "on Debian: apt-get install libengine-pkcs11-openssl"));
  }
  ENGINE_ctrl_cmd_string(engine, "QUIET", nullptr, 0);
  if (ENGINE_init(engine) != 1) {
    ENGINE_free(engine);
    ERR_clear_error();
    return absl::UnimplementedError(absl::StrCat(uri, ": OpenSSL's engine \"pkcs11\" does not start"));
  }
  return Engine(engine);
}

// One PIN for one login; libp11 asks again when it was wrong, and is told no. Without a method of our own it
// would ask on the terminal.
struct Login {
  const TokenPin& pin;
  const std::string& uri;
  bool asked = false;
  absl::Status status;
};

int GivePin(UI* ui, UI_STRING* field) {
  if (UI_get_string_type(field) != UIT_PROMPT) return 1;
  auto* login = static_cast<Login*>(UI_get0_user_data(ui));
  if (login == nullptr || std::exchange(login->asked, true)) return 0;
  absl::StatusOr<std::string> pin =
      login->pin ? login->pin(login->uri)
                 : absl::FailedPreconditionError(absl::StrCat(login->uri, ": the token's PIN is needed"));
  if (pin.ok() && (pin->empty() || pin->size() > kMaxPinBytes)) {
    pin = absl::InvalidArgumentError(absl::StrCat(login->uri, ": a PIN has 1 to ", kMaxPinBytes, " bytes"));
  }
  login->status = pin.status();
  const bool given = pin.ok() && UI_set_result(ui, field, pin->c_str()) == 0;
  if (pin.ok()) OPENSSL_cleanse(pin->data(), pin->size());
  // libp11 lets nothing below four bytes near the token.
  if (pin.ok() && !given) login->status = absl::UnauthenticatedError(absl::StrCat(login->uri, kWrongPin));
  return given ? 1 : 0;
}

// Why the engine gave no key: from the errors that it left, by PKCS #11's numbers (2.40, CKR_PIN_...).
absl::Status WhyNot(const std::string& uri) {
  bool no_module = false;
  unsigned pin = 0;
  while (const unsigned long error = ERR_get_error()) {
    const char* library = ERR_lib_error_string(error);
    if (library == nullptr) continue;
    const auto reason = static_cast<unsigned>(ERR_GET_REASON(error));
    if (std::string_view(library) == "PKCS#11 module" && reason >= 0xa0 && reason <= 0xa4) pin = reason;
    constexpr unsigned kLoadModule = 1025;  // libp11-int.h, P11_R_LOAD_MODULE_ERROR
    if (std::string_view(library) == "libp11" && reason == kLoadModule) no_module = true;
  }
  if (pin == 0xa4) return absl::UnauthenticatedError(absl::StrCat(uri, ": the token has locked its PIN"));
  if (pin == 0xa3) return absl::UnauthenticatedError(absl::StrCat(uri, ": the token's PIN has expired"));
  if (pin != 0) return absl::UnauthenticatedError(absl::StrCat(uri, kWrongPin));
  if (no_module) {
    return absl::UnavailableError(absl::StrCat(
        uri, ": the token's PKCS#11 module does not load; PKCS11_MODULE_PATH says which file it is"));
  }
  return absl::UnavailableError(absl::StrCat(
      uri,
      ": no such token or key is here; plug it in (PKCS11_MODULE_PATH names the token's PKCS#11 module)"));
}

class TokenKey final : public HardwareKey {
 public:
  TokenKey(Engine engine, EVP_PKEY* key, std::string uri)
      : engine_(std::move(engine)), uri_(std::move(uri)), key_(key, EVP_PKEY_free) {}

  absl::StatusOr<std::string> SignDigest(std::string_view digest) const override {
    MutexLock lock(mutex_);
    const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> context(
        EVP_PKEY_CTX_new(key_.get(), nullptr), EVP_PKEY_CTX_free);
    const auto* bytes = reinterpret_cast<const unsigned char*>(digest.data());
    std::string signature;
    size_t size = 0;
    bool made = context != nullptr && EVP_PKEY_sign_init(context.get()) == 1 &&
                EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
                EVP_PKEY_sign(context.get(), nullptr, &size, bytes, digest.size()) == 1;
    if (made) {
      signature.resize(size);
      made = EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                           digest.size()) == 1;
      signature.resize(made ? size : 0);
    }
    ERR_clear_error();
    if (made) return signature;
    return absl::UnavailableError(absl::StrCat(uri_, ": the token did not sign; is it still plugged in?"));
  }

  absl::StatusOr<PublicKey> Public() const {
    const auto other = [&](std::string_view type) {
      return absl::InvalidArgumentError(
          absl::StrCat(uri_, ": is ", std::string(type), ", expected an ECDSA key on P-256"));
    };
    if (EVP_PKEY_get_base_id(key_.get()) != EVP_PKEY_EC) {
      return other(EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_RSA ? "an RSA key" : "a key of another type");
    }
    const EC_KEY* ec = EVP_PKEY_get0_EC_KEY(key_.get());
    const EC_GROUP* group = ec == nullptr ? nullptr : EC_KEY_get0_group(ec);
    const EC_POINT* point = ec == nullptr ? nullptr : EC_KEY_get0_public_key(ec);
    if (group == nullptr || EC_GROUP_get_curve_name(group) != NID_X9_62_prime256v1) {
      return other("an EC key on another curve");
    }
    std::string bytes(65, '\0');
    if (point == nullptr ||
        EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED,
                           reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), nullptr) != 65) {
      ERR_clear_error();
      return absl::InvalidArgumentError(
          absl::StrCat(uri_, ": the token shows no public key beside the private one"));
    }
    return PublicKey::FromP256Point(bytes);
  }

 private:
  const Engine engine_;  // ends after the key
  const std::string uri_;
  mutable Mutex mutex_;  // one signature at a time
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
};

}  // namespace

absl::Status CheckTokenUri(std::string_view uri) {
  if (!uri.starts_with(kScheme)) return BadUri("does not begin with \"pkcs11:\"");
  if (uri.size() > kMaxUriBytes) return BadUri(absl::StrCat("has more than ", kMaxUriBytes, " bytes"));
  if (uri.find('?') != std::string_view::npos) {
    return BadUri("has a query part (\"?\"), where a PIN might stand");
  }
  const bool plain = std::all_of(uri.begin(), uri.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '#' && c != '<' && c != '>';
  });
  if (!plain) return BadUri("holds a character that must be written as %XX");
  bool token = false, key = false;
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(uri.substr(kScheme.size())), ';');
  for (const std::string& part : parts) {
    token = token || part.starts_with("token=") || part.starts_with("serial=");
    key = key || part.starts_with("object=") || part.starts_with("id=");
    if (part.starts_with("type=") && part != "type=private") return BadUri("names no private key");
    if (part.starts_with("pin-")) return BadUri("a PIN does not belong there");
  }
  if (!token) return BadUri("does not say which token (token= or serial=)");
  if (!key) return BadUri("does not say which key (object= or id=)");
  return absl::OkStatus();
}

absl::StatusOr<PrivateKey> OpenTokenKey(const std::string& uri, const TokenPin& pin) {
  LINNET_RETURN_IF_ERROR(CheckTokenUri(uri));
  LINNET_ASSIGN_OR_RETURN(Engine engine, LoadEngine(uri));
  const std::unique_ptr<UI_METHOD, void (*)(UI_METHOD*)> method(UI_create_method("linnet"),
                                                                UI_destroy_method);
  LINNET_CHECK(method != nullptr && UI_method_set_reader(method.get(), GivePin) == 0);
  Login login{.pin = pin, .uri = uri, .status = {}};
  const std::string whole =
      uri.find("type=private") == std::string::npos ? absl::StrCat(uri, ";type=private") : uri;
  EVP_PKEY* key = ENGINE_load_private_key(engine.get(), whole.c_str(), method.get(), &login);
  if (key == nullptr) {
    const absl::Status why = WhyNot(uri);
    return login.status.ok() ? why : login.status;
  }
  ERR_clear_error();
  auto hardware = std::make_shared<const TokenKey>(std::move(engine), key, uri);
  LINNET_ASSIGN_OR_RETURN(PublicKey public_key, hardware->Public());
  return PrivateKey::InHardware(std::move(public_key), std::move(hardware));
}

bool TokenKeyFile::Is(std::string_view file) { return file.starts_with(R"({"linnet-token-key")"); }

std::string TokenKeyFile::ToFile() const {
  const std::string body =
      absl::StrCat(std::string(kBegin), uri, R"(","public":")", Hex(key.Raw()), R"(","sha256":")");
  return absl::StrCat(body, Hex(Sha256(body)), "\"}\n");
}

absl::StatusOr<TokenKeyFile> TokenKeyFile::Parse(std::string_view file) {
  const auto damaged = [] {
    return absl::DataLossError("file of a token's key is damaged; restore it from a copy");
  };
  constexpr std::string_view kPublic = R"(","public":")";
  if (!file.starts_with(kBegin)) return damaged();
  const std::string_view rest = file.substr(kBegin.size());
  const size_t end = rest.find('"');
  if (end == std::string_view::npos || !rest.substr(end).starts_with(kPublic)) return damaged();
  const std::string_view point = rest.substr(end + kPublic.size());
  const std::optional<std::string> raw = UnHex(point.substr(0, std::min(point.find('"'), point.size())));
  if (!raw.has_value()) return damaged();
  absl::StatusOr<PublicKey> key = PublicKey::FromP256Point(*raw);
  if (!key.ok()) return damaged();
  TokenKeyFile parsed{.uri = std::string(rest.substr(0, end)), .key = *std::move(key)};
  // Written in one way only, so that its checksum covers every byte.
  if (!CheckTokenUri(parsed.uri).ok() || parsed.ToFile() != file) return damaged();
  return parsed;
}

}  // namespace linnet::base
