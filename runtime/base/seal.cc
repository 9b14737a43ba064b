// Keys at rest, and authenticated encryption. The key file is one line of JSON with fixed fields in a fixed
// order, so that a person can see what it is and this folder needs no JSON parser:
//
//   {"linnet-key":1,"kdf":"scrypt","n":65536,"r":8,"p":1,"salt":"<hex>","sealed":"<hex>","sha256":"<hex>"}
//
// "sha256" covers everything before it. It tells damage (refetch from a copy) from a wrong passphrase (type
// it again) and helps no attacker, who has the bytes anyway. The parameters and the salt are bound as
// associated data.

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/keys.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::base {
namespace {

constexpr size_t kKeyBytes = 32;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kSaltBytes = 16;
constexpr uint64_t kScryptN = 1u << 16;
constexpr uint64_t kScryptR = 8;
constexpr uint64_t kScryptP = 1;
// 128 * N * r = 64 MiB, and slack for OpenSSL's own blocks. A file that asks for more is refused.
constexpr uint64_t kScryptMemoryBytes = 80u << 20;

const unsigned char* Bytes(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }
unsigned char* Bytes(std::string& s) { return reinterpret_cast<unsigned char*>(s.data()); }

struct CipherContext {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  CipherContext() { LINNET_CHECK(context != nullptr); }
  ~CipherContext() { EVP_CIPHER_CTX_free(context); }
  CipherContext(const CipherContext&) = delete;
  CipherContext& operator=(const CipherContext&) = delete;
};

// Wipes what it holds when it goes out of scope.
struct Secret {
  std::string bytes;
  ~Secret() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

bool DeriveKey(std::string_view passphrase, std::string_view salt, uint64_t n, uint64_t r, uint64_t p,
               Secret& out) {
  out.bytes.assign(kKeyBytes, '\0');
  const bool ok = EVP_PBE_scrypt(passphrase.data(), passphrase.size(), Bytes(salt), salt.size(), n, r, p,
                                 kScryptMemoryBytes, Bytes(out.bytes), kKeyBytes) == 1;
  if (!ok) ERR_clear_error();
  return ok;
}

std::string Header(uint64_t n, uint64_t r, uint64_t p, std::string_view salt) {
  return absl::StrCat(R"({"linnet-key":1,"kdf":"scrypt","n":)", n, R"(,"r":)", r, R"(,"p":)", p,
                      R"(,"salt":")", Hex(salt), R"(","sealed":")");
}

// Reads `text` from the front.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool Skip(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  std::optional<uint64_t> Number() {
    const size_t end = std::min(text_.find_first_not_of("0123456789"), text_.size());
    uint64_t value = 0;
    if (end == 0 || !absl::SimpleAtoi(ToAbsl(text_.substr(0, end)), &value)) return std::nullopt;
    text_.remove_prefix(end);
    return value;
  }
  std::optional<std::string> HexUntilQuote() {
    const size_t end = text_.find('"');
    if (end == std::string_view::npos) return std::nullopt;
    std::optional<std::string> bytes = UnHex(text_.substr(0, end));
    text_.remove_prefix(end);
    return bytes;
  }
  size_t left() const { return text_.size(); }

 private:
  std::string_view text_;
};

absl::Status Damaged(std::string_view where) {
  return absl::DataLossError(
      absl::StrCat("key file is damaged (", std::string(where), "); restore it from a copy"));
}

}  // namespace

std::string Seal(std::string_view key, std::string_view plain, std::string_view associated) {
  LINNET_CHECK(key.size() == kKeyBytes);
  const CipherContext cipher;
  std::string out = RandomBytes(kNonceBytes);
  out.resize(kNonceBytes + plain.size() + kTagBytes);
  int size = 0;
  LINNET_CHECK(EVP_EncryptInit_ex(cipher.context, EVP_aes_256_gcm(), nullptr, Bytes(key), Bytes(out)) == 1);
  LINNET_CHECK(EVP_EncryptUpdate(cipher.context, nullptr, &size, Bytes(associated),
                                 static_cast<int>(associated.size())) == 1);
  LINNET_CHECK(EVP_EncryptUpdate(cipher.context, Bytes(out) + kNonceBytes, &size, Bytes(plain),
                                 static_cast<int>(plain.size())) == 1);
  LINNET_CHECK(static_cast<size_t>(size) == plain.size());
  LINNET_CHECK(EVP_EncryptFinal_ex(cipher.context, Bytes(out) + kNonceBytes + plain.size(), &size) == 1);
  LINNET_CHECK(EVP_CIPHER_CTX_ctrl(cipher.context, EVP_CTRL_GCM_GET_TAG, kTagBytes,
                                   Bytes(out) + kNonceBytes + plain.size()) == 1);
  return out;
}

absl::StatusOr<std::string> Open(std::string_view key, std::string_view sealed, std::string_view associated) {
  LINNET_CHECK(key.size() == kKeyBytes);
  if (sealed.size() < kNonceBytes + kTagBytes) {
    return absl::DataLossError(
        absl::StrCat("sealed bytes: ", sealed.size(), ", at least ", kNonceBytes + kTagBytes, " expected"));
  }
  const std::string_view cipher_text = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  const CipherContext cipher;
  std::string out(cipher_text.size(), '\0');
  int size = 0;
  LINNET_CHECK(EVP_DecryptInit_ex(cipher.context, EVP_aes_256_gcm(), nullptr, Bytes(key), Bytes(sealed)) ==
               1);
  LINNET_CHECK(EVP_DecryptUpdate(cipher.context, nullptr, &size, Bytes(associated),
                                 static_cast<int>(associated.size())) == 1);
  LINNET_CHECK(EVP_DecryptUpdate(cipher.context, Bytes(out), &size, Bytes(cipher_text),
                                 static_cast<int>(cipher_text.size())) == 1);
  LINNET_CHECK(EVP_CIPHER_CTX_ctrl(cipher.context, EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1);
  if (EVP_DecryptFinal_ex(cipher.context, Bytes(out) + out.size(), &size) != 1) {
    OPENSSL_cleanse(out.data(), out.size());
    ERR_clear_error();
    return absl::DataLossError("sealed bytes do not open: wrong key, or they were changed");
  }
  return out;
}

std::string SealKey(const PrivateKey& key, std::string_view passphrase) {
  const Secret pem{key.ToPem()};
  if (passphrase.empty()) return pem.bytes;
  const std::string salt = RandomBytes(kSaltBytes);
  Secret derived;
  LINNET_CHECK(DeriveKey(passphrase, salt, kScryptN, kScryptR, kScryptP, derived));
  const std::string header = Header(kScryptN, kScryptR, kScryptP, salt);
  const std::string body =
      absl::StrCat(header, Hex(Seal(derived.bytes, pem.bytes, header)), R"(","sha256":")");
  return absl::StrCat(body, Hex(Sha256(body)), "\"}\n");
}

absl::StatusOr<PrivateKey> OpenKey(std::string_view file, std::string_view passphrase) {
  if (file.starts_with("-----BEGIN")) {
    absl::StatusOr<PrivateKey> key = PrivateKey::FromPem(file);
    if (!key.ok()) return Damaged(Message(key.status()));
    return key;
  }
  Scanner in(file);
  if (!in.Skip(R"({"linnet-key":1,"kdf":"scrypt","n":)")) return Damaged("it does not begin as a key file");
  const std::optional<uint64_t> n = in.Number();
  if (!n || !in.Skip(R"(,"r":)")) return Damaged("field n");
  const std::optional<uint64_t> r = in.Number();
  if (!r || !in.Skip(R"(,"p":)")) return Damaged("field r");
  const std::optional<uint64_t> p = in.Number();
  if (!p || !in.Skip(R"(,"salt":")")) return Damaged("field p");
  const std::optional<std::string> salt = in.HexUntilQuote();
  if (!salt || !in.Skip(R"(","sealed":")")) return Damaged("field salt");
  const std::optional<std::string> sealed = in.HexUntilQuote();
  if (!sealed || !in.Skip(R"(","sha256":")")) return Damaged("field sealed");
  const std::string_view covered = file.substr(0, file.size() - in.left());
  const std::optional<std::string> sum = in.HexUntilQuote();
  if (!sum || (!in.Skip("\"}\n") && !in.Skip("\"}")) || in.left() != 0) return Damaged("its end");
  if (*sum != AsView(Sha256(covered))) return Damaged("its checksum does not match");

  if (passphrase.empty()) {
    return absl::UnauthenticatedError("key file is encrypted: its passphrase is needed");
  }
  Secret derived;
  // p is time, and not bounded by the memory limit.
  if (*p > 16 || !DeriveKey(passphrase, *salt, *n, *r, *p, derived)) {
    return Damaged(absl::StrCat("scrypt parameters n=", *n, " r=", *r, " p=", *p, " are not usable"));
  }
  absl::StatusOr<std::string> pem = Open(derived.bytes, *sealed, Header(*n, *r, *p, *salt));
  if (!pem.ok()) return absl::UnauthenticatedError("wrong passphrase for this key file");
  const Secret plain{*std::move(pem)};
  absl::StatusOr<PrivateKey> key = PrivateKey::FromPem(plain.bytes);
  if (!key.ok()) return Damaged(Message(key.status()));
  return key;
}

}  // namespace linnet::base
