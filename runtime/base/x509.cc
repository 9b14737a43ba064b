#include "runtime/base/x509.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::base {
namespace {

constexpr size_t kMaxCertificates = 8;  // in a PEM text; our longest chain has three

std::shared_ptr<X509> Own(X509* x509) { return {x509, X509_free}; }

std::string DerOf(X509* x509) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(x509, &bytes);
  LINNET_CHECK(size > 0);
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm tm{};
  // A certificate whose times do not parse is never valid; VerifyChain refuses it by itself.
  if (ASN1_TIME_to_tm(time, &tm) != 1) return absl::InfinitePast();
  return absl::FromTimeT(timegm(&tm));
}

std::string SpkiDerOf(X509* x509) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &bytes);
  LINNET_CHECK(size > 0);
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::string BioText(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

// Is the key one that we can use (keys.h)? So that public_key() cannot fail later.
absl::StatusOr<PublicKey> KeyOf(X509* x509) {
  EVP_PKEY* key = X509_get0_pubkey(x509);
  if (key == nullptr) {
    ERR_clear_error();
    return absl::DataLossError("certificate: its public key does not parse");
  }
  // From its numbers, not by way of PEM: OpenSSL 3's decoders cost a millisecond, and a server does this for
  // each connection.
  std::array<char, 64> group{};
  size_t group_size = 0;
  if (EVP_PKEY_is_a(key, "EC") &&
      EVP_PKEY_get_group_name(key, group.data(), group.size(), &group_size) == 1 &&
      std::string_view(group.data(), group_size) == "prime256v1") {
    BIGNUM* x = nullptr;
    BIGNUM* y = nullptr;
    std::string point(65, '\4');
    auto* bytes = reinterpret_cast<unsigned char*>(point.data());
    const bool read = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                      EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
                      BN_bn2binpad(x, bytes + 1, 32) == 32 && BN_bn2binpad(y, bytes + 33, 32) == 32;
    BN_free(x);
    BN_free(y);
    if (read) return PublicKey::FromP256Point(point);
    ERR_clear_error();
  }
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  LINNET_CHECK(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), key) == 1);
  return PublicKey::FromPem(BioText(bio.get()));
}

std::string Days(absl::Duration duration) {
  if (duration >= absl::Hours(48)) return absl::StrCat(duration / absl::Hours(24), " days");
  if (duration >= absl::Minutes(2)) return absl::StrCat(duration / absl::Minutes(1), " minutes");
  return absl::StrCat(duration / absl::Seconds(1), " seconds");
}

std::string Explain(int error, const Certificate& failing, absl::Time now) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return absl::StrCat("certificate expired ", Days(now - failing.not_after()), " ago");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return absl::StrCat("certificate is valid only in ", Days(failing.not_before() - now),
                          "; is this machine's clock right?");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "certificate was issued by another authority";
    case X509_V_ERR_INVALID_PURPOSE:
      return "certificate is for another use";
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
      return "certificate is of a kind that its authority may not issue";
    default:
      return absl::StrCat("certificate refused: ", X509_verify_cert_error_string(error));
  }
}

// Extended key usage must be there and say it: OpenSSL's purposes let certificates without it pass.
absl::Status CheckUse(X509* leaf, CertificateUse use) {
  const bool authority = (X509_get_extension_flags(leaf) & EXFLAG_CA) != 0;
  if (use == CertificateUse::kAuthority) {
    if (authority) return absl::OkStatus();
    return absl::UnauthenticatedError("certificate is not an authority's");
  }
  const uint32_t needed = use == CertificateUse::kClient ? XKU_SSL_CLIENT : XKU_SSL_SERVER;
  const bool has_usage = (X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) != 0;
  if (authority || !has_usage || X509_get_extended_key_usage(leaf) != needed) {
    return absl::UnauthenticatedError(
        absl::StrCat("certificate is not a ", use == CertificateUse::kClient ? "client's" : "server's"));
  }
  return absl::OkStatus();
}

// Certificates from before subjects had an O have none. Byte for byte: what OpenSSL takes for the same name
// in other letters is not the same here.
absl::Status CheckDomain(X509* leaf, std::string_view scheme) {
  const X509_NAME* subject = X509_get_subject_name(leaf);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_organizationName, at)) >= 0;) {
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                                static_cast<size_t>(ASN1_STRING_length(value)));
    if (text == DomainOf(scheme)) continue;
    return absl::UnauthenticatedError(
        absl::StrCat("certificate's subject is not of \"", std::string(DomainOf(scheme)), "\""));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Certificate> Certificate::FromDer(std::string_view der) {
  const auto* start = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* cursor = start;
  X509* x509 = d2i_X509(nullptr, &cursor, static_cast<long>(der.size()));
  if (x509 == nullptr) {
    ERR_clear_error();
    return absl::DataLossError("certificate: not X.509 DER");
  }
  std::shared_ptr<X509> owned = Own(x509);
  if (cursor != start + der.size()) return absl::DataLossError("certificate: bytes follow its end");
  // Fills OpenSSL's cache of extensions now, so that later reads from several threads only read.
  if (X509_check_purpose(x509, -1, 0) != 1) {
    ERR_clear_error();
    return absl::DataLossError("certificate: malformed extensions");
  }
  LINNET_RETURN_IF_ERROR(KeyOf(x509).status());
  return Certificate(std::string(der), std::move(owned));
}

absl::StatusOr<std::vector<Certificate>> Certificate::ChainFromPem(std::string_view pem) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                BIO_free);
  LINNET_CHECK(bio != nullptr);
  std::vector<Certificate> chain;
  char* block = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  while (PEM_read_bio(bio.get(), &block, &header, &data, &size) == 1) {
    const std::string name(block);
    const std::string der(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
    OPENSSL_free(block);
    OPENSSL_free(header);
    OPENSSL_free(data);
    if (name != PEM_STRING_X509 && name != PEM_STRING_X509_OLD) continue;  // a key beside it, say
    if (chain.size() == kMaxCertificates) {
      return absl::DataLossError(absl::StrCat("certificates: more than ", kMaxCertificates, " in one file"));
    }
    LINNET_ASSIGN_OR_RETURN(Certificate certificate, FromDer(der));
    chain.push_back(std::move(certificate));
  }
  // The reader ends with "no start line" at a clean end; anything else is a damaged block.
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (chain.empty()) return absl::DataLossError("certificate: no PEM block \"CERTIFICATE\"");
  if (error != 0 && ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
    return absl::DataLossError(absl::StrCat("certificate ", chain.size() + 1, " of the file: damaged PEM"));
  }
  return chain;
}

absl::StatusOr<Certificate> Certificate::FromPem(std::string_view pem) {
  LINNET_ASSIGN_OR_RETURN(const std::vector<Certificate> chain, ChainFromPem(pem));
  return chain.front();
}

std::string Certificate::ToPem() const {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  LINNET_CHECK(bio != nullptr && PEM_write_bio_X509(bio.get(), x509_.get()) == 1);
  return BioText(bio.get());
}

PublicKey Certificate::public_key() const {
  absl::StatusOr<PublicKey> key = KeyOf(x509_.get());
  LINNET_CHECK(key.ok());  // FromDer has tried it
  return *std::move(key);
}

Sha256Digest Certificate::SpkiSha256() const { return Sha256(SpkiDerOf(x509_.get())); }

std::vector<std::string> Certificate::uris() const {
  std::vector<std::string> uris;
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509_.get(), NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      static_cast<size_t>(ASN1_STRING_length(uri)));
  }
  return uris;
}

std::optional<std::string> Certificate::UriOf(std::string_view scheme) const {
  std::optional<std::string> found;
  for (const std::string& uri : uris()) {
    if (!std::string_view(uri).starts_with(scheme)) continue;
    if (found.has_value()) return std::nullopt;
    found = uri.substr(scheme.size());
  }
  return found;
}

absl::Time Certificate::not_before() const { return TimeOf(X509_get0_notBefore(x509_.get())); }
absl::Time Certificate::not_after() const { return TimeOf(X509_get0_notAfter(x509_.get())); }

absl::StatusOr<std::string> VerifyChain(std::span<const Certificate> chain, const Certificate& root,
                                        CertificateUse use, std::string_view scheme, absl::Time now,
                                        bool allow_expired) {
  if (chain.empty()) return absl::UnauthenticatedError("no certificate was shown");
  if (chain.size() > kMaxCertificates) return absl::UnauthenticatedError("certificate chain is too long");

  const std::unique_ptr<X509_STORE, void (*)(X509_STORE*)> store(X509_STORE_new(), X509_STORE_free);
  const std::unique_ptr<X509_STORE_CTX, void (*)(X509_STORE_CTX*)> context(X509_STORE_CTX_new(),
                                                                           X509_STORE_CTX_free);
  const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> untrusted(
      sk_X509_new_null(), [](STACK_OF(X509) * s) { sk_X509_free(s); });
  LINNET_CHECK(store != nullptr && context != nullptr && untrusted != nullptr);
  LINNET_CHECK(X509_STORE_add_cert(store.get(), root.get()) == 1);
  for (const Certificate& certificate : chain.subspan(1)) {
    LINNET_CHECK(sk_X509_push(untrusted.get(), certificate.get()) > 0);
  }
  LINNET_CHECK(X509_STORE_CTX_init(context.get(), store.get(), chain[0].get(), untrusted.get()) == 1);
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
  if (allow_expired) {
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);  // no effect beside set_time
  } else {
    X509_VERIFY_PARAM_set_time(param, absl::ToTimeT(now));
  }
  if (use != CertificateUse::kAuthority) {
    X509_VERIFY_PARAM_set_purpose(
        param, use == CertificateUse::kClient ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
  }
  if (X509_verify_cert(context.get()) != 1) {
    const int error = X509_STORE_CTX_get_error(context.get());
    const int depth = X509_STORE_CTX_get_error_depth(context.get());
    X509* failing = X509_STORE_CTX_get_current_cert(context.get());
    ERR_clear_error();
    const absl::StatusOr<Certificate> certificate =
        failing == nullptr ? chain[0] : Certificate::FromDer(DerOf(failing));
    return absl::UnauthenticatedError(
        absl::StrCat(Explain(error, certificate.ok() ? *certificate : chain[0], now),
                     depth > 0 ? " (an authority above it)" : ""));
  }
  LINNET_RETURN_IF_ERROR(CheckUse(chain[0].get(), use));
  if (scheme.empty()) return std::string();
  // One name in all, not one of the scheme: a certificate that speaks for two domains speaks for none.
  const std::optional<std::string> name = chain[0].UriOf(scheme);
  if (!name.has_value() || chain[0].uris().size() != 1) {
    return absl::UnauthenticatedError(
        absl::StrCat("certificate does not name exactly one \"", std::string(scheme), "\""));
  }
  LINNET_RETURN_IF_ERROR(CheckDomain(chain[0].get(), scheme));
  return *name;
}

}  // namespace linnet::base
