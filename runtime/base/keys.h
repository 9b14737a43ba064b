#ifndef LINNET_RUNTIME_BASE_KEYS_H_
#define LINNET_RUNTIME_BASE_KEYS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

typedef struct evp_pkey_st EVP_PKEY;

namespace linnet::base {

enum class KeyType : uint8_t { kEd25519, kP256, kRsa };

// A public key (Ed25519, ECDSA P-256, RSA). Immutable, thread-safe, cheap to copy.
class PublicKey {
 public:
  static absl::StatusOr<PublicKey> FromEd25519(std::string_view raw);  // 32 bytes
  static absl::StatusOr<PublicKey> FromP256Point(
      std::string_view point);                                     // 65 bytes, uncompressed, on the curve
  static absl::StatusOr<PublicKey> FromPem(std::string_view pem);  // SubjectPublicKeyInfo of a known type

  KeyType type() const { return type_; }
  // OK, or Unauthenticated. Ed25519: 64 bytes (RFC 8032). P-256: DER (SHA-256). RSA: PSS with SHA-256, any
  // salt length.
  absl::Status Verify(std::string_view message, std::string_view signature) const;
  // P-256 only: r || s, 64 bytes.
  absl::Status VerifyRaw(std::string_view message, std::string_view signature) const;
  std::string Raw() const;  // Ed25519: 32 bytes; P-256: the 65-byte point; RSA: SPKI DER
  std::string SpkiDer() const;
  std::string ToPem() const;
  EVP_PKEY* get() const { return key_.get(); }

 private:
  friend class PrivateKey;
  PublicKey(KeyType type, std::shared_ptr<EVP_PKEY> key) : type_(type), key_(std::move(key)) {}
  KeyType type_;
  std::shared_ptr<EVP_PKEY> key_;
};

// A P-256 key that lies in hardware, which signs with it and does not give it away. Thread-safe.
class HardwareKey {
 public:
  virtual ~HardwareKey() = default;
  // An ECDSA signature (DER) of a SHA-256, 32 bytes. Unavailable: the hardware is gone, busy or does not
  // answer. PermissionDenied: it does not let us sign with this key.
  virtual absl::StatusOr<std::string> SignDigest(std::string_view digest) const = 0;
};

// A private key: in memory, or in hardware. Immutable, thread-safe. Never logged: there is no way to print
// one but ToPem.
class PrivateKey {
 public:
  static PrivateKey Generate(KeyType type);                         // kEd25519 or kP256
  static absl::StatusOr<PrivateKey> FromPem(std::string_view pem);  // PKCS#8, unencrypted
  // `key`: the P-256 key that `hardware` should sign with.
  static PrivateKey InHardware(PublicKey key, std::shared_ptr<const HardwareKey> hardware);

  KeyType type() const { return public_.type(); }
  const PublicKey& public_key() const { return public_; }
  const std::shared_ptr<const HardwareKey>& hardware() const { return hardware_; }  // null: in memory
  // What PublicKey::Verify accepts. In memory it does not fail; hardware: as SignDigest says, and
  // PermissionDenied when what it signs with is not `public_key()`.
  absl::StatusOr<std::string> Sign(std::string_view message) const;
  absl::StatusOr<std::string> SignRaw(std::string_view message) const;  // P-256: what VerifyRaw accepts
  // In memory only.
  std::string ToPem() const;  // PKCS#8
  EVP_PKEY* get() const;

 private:
  explicit PrivateKey(PublicKey pair) : public_(std::move(pair)) {}
  PublicKey public_;  // with the private half, in memory
  std::shared_ptr<const HardwareKey> hardware_;
};

// Keys at rest: scrypt (N = 2^16, r = 8, p = 1) and AES-256-GCM over the PEM, as one JSON file with its
// parameters; an empty passphrase writes the plain PEM. OpenKeyFile: Unauthenticated "wrong passphrase",
// DataLoss for a damaged file.
std::string SealKey(const PrivateKey& key, std::string_view passphrase);
absl::StatusOr<PrivateKey> OpenKey(std::string_view file, std::string_view passphrase);

// AES-256-GCM. `key`: 32 bytes. The result is nonce (12) || ciphertext || tag (16); `associated` is bound,
// not stored.
std::string Seal(std::string_view key, std::string_view plain, std::string_view associated);
absl::StatusOr<std::string> Open(std::string_view key, std::string_view sealed, std::string_view associated);

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_KEYS_H_
