#include "runtime/base/keys.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::base {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using MdContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using EcdsaSig = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;
using BigNum = std::unique_ptr<BIGNUM, Deleter<BN_free>>;

// RFC 8017 keys below 2,048 bits are too weak; above 8,192 a hostile key only costs time.
constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;
// The largest PEM of a key that we accept; an RSA-8192 private key has about 6,400 bytes.
constexpr size_t kMaxPemBytes = 16 * 1024;

// The error queue belongs to the thread, and gRPC reads it too: what we caused must not be left behind.
absl::Status Refuse(absl::StatusCode code, std::string_view message) {
  ERR_clear_error();
  return absl::Status(code, absl::string_view(message.data(), message.size()));
}

std::shared_ptr<EVP_PKEY> Own(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

const unsigned char* Bytes(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }
unsigned char* Bytes(std::string& s) { return reinterpret_cast<unsigned char*>(s.data()); }

Bio ReadBio(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string Contents(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

absl::StatusOr<KeyType> TypeOf(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "ED25519")) return KeyType::kEd25519;
  if (EVP_PKEY_is_a(key, "RSA")) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < kMinRsaBits || bits > kMaxRsaBits) {
      return Refuse(absl::StatusCode::kInvalidArgument,
                    absl::StrCat("RSA key has ", bits, " bits, expected ", kMinRsaBits, " to ", kMaxRsaBits));
    }
    return KeyType::kRsa;
  }
  if (EVP_PKEY_is_a(key, "EC")) {
    std::array<char, 64> group{};
    size_t size = 0;
    if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
        std::string_view(group.data(), size) == "prime256v1") {
      return KeyType::kP256;
    }
    return Refuse(absl::StatusCode::kInvalidArgument, "EC key is on another curve, expected P-256");
  }
  return Refuse(absl::StatusCode::kInvalidArgument,
                "key is of an unknown type, expected Ed25519, ECDSA P-256 or RSA");
}

// No passphrase, and no prompt on the terminal either.
int NoPassphrase(char*, int, int, void*) { return -1; }

bool UsePss(EVP_PKEY_CTX* context, int salt_length) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt_length) == 1;
}

const EVP_MD* DigestOf(KeyType type) { return type == KeyType::kEd25519 ? nullptr : EVP_sha256(); }

}  // namespace

absl::StatusOr<PublicKey> PublicKey::FromEd25519(std::string_view raw) {
  if (raw.size() != 32) {
    return absl::InvalidArgumentError(absl::StrCat("Ed25519 key has ", raw.size(), " bytes, expected 32"));
  }
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(raw), raw.size());
  if (key == nullptr) return Refuse(absl::StatusCode::kInvalidArgument, "Ed25519 key is not usable");
  return PublicKey(KeyType::kEd25519, Own(key));
}

absl::StatusOr<PublicKey> PublicKey::FromP256Point(std::string_view point) {
  if (point.size() != 65 || point[0] != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("P-256 point has ", point.size(), " bytes, expected 65 that begin with 04"));
  }
  std::string group = "prime256v1";
  std::string copy(point);
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy.data(), copy.size()),
      OSSL_PARAM_construct_end()};
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(params)) != 1) {
    return Refuse(absl::StatusCode::kInvalidArgument, "P-256 point is not on the curve");
  }
  return PublicKey(KeyType::kP256, Own(key));
}

absl::StatusOr<PublicKey> PublicKey::FromPem(std::string_view pem) {
  if (pem.size() > kMaxPemBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("public key has ", pem.size(), " bytes of PEM, at most ", kMaxPemBytes, " expected"));
  }
  const Bio bio = ReadBio(pem);
  EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, NoPassphrase, nullptr);
  if (key == nullptr)
    return Refuse(absl::StatusCode::kInvalidArgument, "public key is not PEM of a known type");
  std::shared_ptr<EVP_PKEY> owned = Own(key);
  LINNET_ASSIGN_OR_RETURN(const KeyType type, TypeOf(key));
  return PublicKey(type, std::move(owned));
}

absl::Status PublicKey::Verify(std::string_view message, std::string_view signature) const {
  const MdContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;  // owned by `context`
  if (context == nullptr ||
      EVP_DigestVerifyInit(context.get(), &key_context, DigestOf(type_), nullptr, key_.get()) != 1 ||
      (type_ == KeyType::kRsa && !UsePss(key_context, RSA_PSS_SALTLEN_AUTO)) ||
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message), message.size()) !=
          1) {
    return Refuse(absl::StatusCode::kUnauthenticated, "signature does not verify");
  }
  return absl::OkStatus();
}

absl::Status PublicKey::VerifyRaw(std::string_view message, std::string_view signature) const {
  if (type_ != KeyType::kP256 || signature.size() != 64) {
    return absl::UnauthenticatedError("signature does not verify: 64 bytes by a P-256 key are expected");
  }
  const EcdsaSig sig(ECDSA_SIG_new());
  BigNum r(BN_bin2bn(Bytes(signature), 32, nullptr));
  BigNum s(BN_bin2bn(Bytes(signature) + 32, 32, nullptr));
  LINNET_CHECK(sig != nullptr && r != nullptr && s != nullptr);
  LINNET_CHECK(ECDSA_SIG_set0(sig.get(), r.release(), s.release()) == 1);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(sig.get(), &der);
  LINNET_CHECK(size > 0);
  const std::string encoded(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return Verify(message, encoded);
}

std::string PublicKey::Raw() const {
  switch (type_) {
    case KeyType::kEd25519: {
      std::string raw(32, '\0');
      size_t size = raw.size();
      LINNET_CHECK(EVP_PKEY_get_raw_public_key(key_.get(), Bytes(raw), &size) == 1 && size == 32);
      return raw;
    }
    case KeyType::kP256: {
      // From the coordinates: a PEM may hold the point compressed, and each key has one spelling here.
      BIGNUM* x = nullptr;
      BIGNUM* y = nullptr;
      LINNET_CHECK(EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1);
      LINNET_CHECK(EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1);
      const BigNum own_x(x);
      const BigNum own_y(y);
      std::string raw(65, '\4');
      LINNET_CHECK(BN_bn2binpad(x, Bytes(raw) + 1, 32) == 32 && BN_bn2binpad(y, Bytes(raw) + 33, 32) == 32);
      return raw;
    }
    case KeyType::kRsa:
      break;
  }
  return SpkiDer();
}

std::string PublicKey::SpkiDer() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key_.get(), &der);
  LINNET_CHECK(size > 0);
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

std::string PublicKey::ToPem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  LINNET_CHECK(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1);
  return Contents(bio);
}

PrivateKey PrivateKey::Generate(KeyType type) {
  LINNET_CHECK(type != KeyType::kRsa);
  EVP_PKEY* key = type == KeyType::kEd25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                            : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  LINNET_CHECK(key != nullptr);
  return PrivateKey(PublicKey(type, Own(key)));
}

absl::StatusOr<PrivateKey> PrivateKey::FromPem(std::string_view pem) {
  if (pem.size() > kMaxPemBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("private key has ", pem.size(), " bytes of PEM, at most ", kMaxPemBytes, " expected"));
  }
  const Bio bio = ReadBio(pem);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr);
  if (key == nullptr) {
    return Refuse(absl::StatusCode::kInvalidArgument, "private key is not unencrypted PEM of a known type");
  }
  std::shared_ptr<EVP_PKEY> owned = Own(key);
  LINNET_ASSIGN_OR_RETURN(const KeyType type, TypeOf(key));
  return PrivateKey(PublicKey(type, std::move(owned)));
}

PrivateKey PrivateKey::InHardware(PublicKey key, std::shared_ptr<const HardwareKey> hardware) {
  LINNET_CHECK(key.type() == KeyType::kP256 && hardware != nullptr);
  PrivateKey made(std::move(key));
  made.hardware_ = std::move(hardware);
  return made;
}

EVP_PKEY* PrivateKey::get() const {
  LINNET_CHECK(hardware_ == nullptr);
  return public_.get();
}

absl::StatusOr<std::string> PrivateKey::Sign(std::string_view message) const {
  if (hardware_ != nullptr) {
    LINNET_ASSIGN_OR_RETURN(std::string signature, hardware_->SignDigest(AsView(Sha256(message))));
    if (!public_.Verify(message, signature).ok()) {
      return absl::PermissionDeniedError(
          "the hardware signed with another key than the one that was there when it was taken into use");
    }
    return signature;
  }
  const MdContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  LINNET_CHECK(context != nullptr &&
               EVP_DigestSignInit(context.get(), &key_context, DigestOf(type()), nullptr, get()) == 1);
  LINNET_CHECK(type() != KeyType::kRsa || UsePss(key_context, RSA_PSS_SALTLEN_DIGEST));
  size_t size = 0;
  LINNET_CHECK(EVP_DigestSign(context.get(), nullptr, &size, Bytes(message), message.size()) == 1);
  std::string signature(size, '\0');
  LINNET_CHECK(EVP_DigestSign(context.get(), Bytes(signature), &size, Bytes(message), message.size()) == 1);
  signature.resize(size);
  return signature;
}

absl::StatusOr<std::string> PrivateKey::SignRaw(std::string_view message) const {
  LINNET_CHECK(type() == KeyType::kP256);
  LINNET_ASSIGN_OR_RETURN(const std::string der, Sign(message));
  const unsigned char* cursor = Bytes(der);
  const EcdsaSig sig(d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(der.size())));
  LINNET_CHECK(sig != nullptr);
  std::string raw(64, '\0');
  LINNET_CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(sig.get()), Bytes(raw), 32) == 32);
  LINNET_CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(sig.get()), Bytes(raw) + 32, 32) == 32);
  return raw;
}

std::string PrivateKey::ToPem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  LINNET_CHECK(bio != nullptr &&
               PEM_write_bio_PKCS8PrivateKey(bio.get(), get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return Contents(bio);
}

}  // namespace linnet::base
