#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/x509.h"

namespace linnet::base {
namespace {

using OwnedX509 = std::unique_ptr<X509, void (*)(X509*)>;

void AddExtension(X509* x509, int nid, bool critical, void* value) {
  LINNET_CHECK(X509_add1_ext_i2d(x509, nid, value, critical ? 1 : 0, X509V3_ADD_DEFAULT) == 1);
}

void AddBasicConstraints(X509* x509, const CertificateRequest& request) {
  const std::unique_ptr<BASIC_CONSTRAINTS, void (*)(BASIC_CONSTRAINTS*)> constraints(BASIC_CONSTRAINTS_new(),
                                                                                     BASIC_CONSTRAINTS_free);
  LINNET_CHECK(constraints != nullptr);
  if (request.use == CertificateUse::kAuthority) {
    constraints->ca = 1;
    constraints->pathlen = ASN1_INTEGER_new();
    LINNET_CHECK(constraints->pathlen != nullptr &&
                 ASN1_INTEGER_set(constraints->pathlen, request.path_length) == 1);
  }
  AddExtension(x509, NID_basic_constraints, true, constraints.get());
}

void AddKeyUsage(X509* x509, const CertificateRequest& request) {
  const std::unique_ptr<ASN1_BIT_STRING, void (*)(ASN1_BIT_STRING*)> usage(ASN1_BIT_STRING_new(),
                                                                           ASN1_BIT_STRING_free);
  LINNET_CHECK(usage != nullptr);
  // Bits of RFC 5280, 4.2.1.3: digitalSignature 0, keyCertSign 5, cRLSign 6.
  if (request.use == CertificateUse::kAuthority) {
    ASN1_BIT_STRING_set_bit(usage.get(), 5, 1);
    ASN1_BIT_STRING_set_bit(usage.get(), 6, 1);
  } else {
    ASN1_BIT_STRING_set_bit(usage.get(), 0, 1);
  }
  AddExtension(x509, NID_key_usage, true, usage.get());
  // Of an authority: what those below it may be used for, as OpenSSL's purposes have it.
  if (request.use == CertificateUse::kAuthority && request.confined_to.empty()) return;
  const std::unique_ptr<EXTENDED_KEY_USAGE, void (*)(EXTENDED_KEY_USAGE*)> extended(EXTENDED_KEY_USAGE_new(),
                                                                                    EXTENDED_KEY_USAGE_free);
  const int nid = request.use == CertificateUse::kServer ? NID_server_auth : NID_client_auth;
  LINNET_CHECK(extended != nullptr && sk_ASN1_OBJECT_push(extended.get(), OBJ_nid2obj(nid)) > 0);
  AddExtension(x509, NID_ext_key_usage, true, extended.get());
}

void AddKeyIds(X509* x509, X509* issuer) {
  const auto key_id = [](X509* of) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    LINNET_CHECK(X509_pubkey_digest(of, EVP_sha256(), digest, &size) == 1);
    ASN1_OCTET_STRING* id = ASN1_OCTET_STRING_new();
    // RFC 7093, method 1: the leftmost 160 bits of SHA-256.
    LINNET_CHECK(id != nullptr && ASN1_OCTET_STRING_set(id, digest, 20) == 1);
    return id;
  };
  ASN1_OCTET_STRING* subject = key_id(x509);
  AddExtension(x509, NID_subject_key_identifier, false, subject);
  ASN1_OCTET_STRING_free(subject);
  if (issuer == nullptr) return;
  const std::unique_ptr<AUTHORITY_KEYID, void (*)(AUTHORITY_KEYID*)> authority(AUTHORITY_KEYID_new(),
                                                                               AUTHORITY_KEYID_free);
  LINNET_CHECK(authority != nullptr);
  authority->keyid = key_id(issuer);
  AddExtension(x509, NID_authority_key_identifier, false, authority.get());
}

void AddName(GENERAL_NAMES* names, int type, std::string_view text) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_IA5STRING* value = ASN1_IA5STRING_new();
  LINNET_CHECK(name != nullptr && value != nullptr &&
               ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) == 1);
  GENERAL_NAME_set0_value(name, type, value);
  LINNET_CHECK(sk_GENERAL_NAME_push(names, name) > 0);
}

void AddAddress(GENERAL_NAMES* names, ASN1_OCTET_STRING* address) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  LINNET_CHECK(name != nullptr && address != nullptr);
  GENERAL_NAME_set0_value(name, GEN_IPADD, address);
  LINNET_CHECK(sk_GENERAL_NAME_push(names, name) > 0);
}

void AddNames(X509* x509, const CertificateRequest& request) {
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(GENERAL_NAMES_new(),
                                                                       GENERAL_NAMES_free);
  LINNET_CHECK(names != nullptr);
  if (!request.uri.empty()) AddName(names.get(), GEN_URI, request.uri);
  if (request.use == CertificateUse::kServer) {
    AddName(names.get(), GEN_DNS, "localhost");
    AddAddress(names.get(), a2i_IPADDRESS("127.0.0.1"));
    for (const std::string& dns_name : request.dns_names) {
      if (ASN1_OCTET_STRING* address = a2i_IPADDRESS(dns_name.c_str())) {
        AddAddress(names.get(), address);
      } else {
        ERR_clear_error();
        AddName(names.get(), GEN_DNS, dns_name);
      }
    }
  }
  if (sk_GENERAL_NAME_num(names.get()) > 0) AddExtension(x509, NID_subject_alt_name, false, names.get());
}

// Takes `value`.
void AddSubtree(STACK_OF(GENERAL_SUBTREE) * &trees, int type, void* value) {
  if (trees == nullptr) trees = sk_GENERAL_SUBTREE_new_null();
  GENERAL_SUBTREE* tree = GENERAL_SUBTREE_new();
  LINNET_CHECK(trees != nullptr && tree != nullptr && value != nullptr);
  GENERAL_NAME_set0_value(tree->base, type, value);
  LINNET_CHECK(sk_GENERAL_SUBTREE_push(trees, tree) > 0);
}

ASN1_OCTET_STRING* Zeros(int size) {
  ASN1_OCTET_STRING* zeros = ASN1_OCTET_STRING_new();
  const std::string bytes(static_cast<size_t>(size), '\0');
  LINNET_CHECK(zeros != nullptr &&
               ASN1_OCTET_STRING_set(zeros, reinterpret_cast<const unsigned char*>(bytes.data()), size) == 1);
  return zeros;
}

absl::Status AddEntry(X509_NAME* name, const char* field, const std::string& text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.c_str());
  if (X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, bytes, -1, -1, 0) == 1) return absl::OkStatus();
  ERR_clear_error();
  return absl::InvalidArgumentError(
      absl::StrCat("certificate: ", field, " of its subject is not UTF-8, or longer than 64 bytes"));
}

absl::Status AddNameConstraints(X509* x509, const CertificateRequest& request) {
  if (request.use != CertificateUse::kAuthority || request.confined_to.empty()) return absl::OkStatus();
  const std::unique_ptr<NAME_CONSTRAINTS, void (*)(NAME_CONSTRAINTS*)> constraints(NAME_CONSTRAINTS_new(),
                                                                                   NAME_CONSTRAINTS_free);
  std::unique_ptr<X509_NAME, void (*)(X509_NAME*)> subject(X509_NAME_new(), X509_NAME_free);
  LINNET_CHECK(constraints != nullptr && subject != nullptr);
  LINNET_RETURN_IF_ERROR(AddEntry(subject.get(), "O", request.confined_to));
  AddSubtree(constraints->permittedSubtrees, GEN_DIRNAME, subject.release());
  // Each: all that there are. An empty DNS name, and address and mask of IPv4 and of IPv6.
  AddSubtree(constraints->excludedSubtrees, GEN_DNS, ASN1_IA5STRING_new());
  AddSubtree(constraints->excludedSubtrees, GEN_IPADD, Zeros(8));
  AddSubtree(constraints->excludedSubtrees, GEN_IPADD, Zeros(32));
  AddExtension(x509, NID_name_constraints, true, constraints.get());
  return absl::OkStatus();
}

void SetTime(ASN1_TIME* to, absl::Time time) {
  LINNET_CHECK(ASN1_TIME_set(to, absl::ToTimeT(time)) != nullptr);
}

absl::StatusOr<Certificate> Make(X509* issuer, const PrivateKey& issuer_key, const PublicKey& subject,
                                 const CertificateRequest& request) {
  if (request.common_name.empty() || request.common_name.size() > 64) {
    return absl::InvalidArgumentError(absl::StrCat("certificate: common name has ",
                                                   request.common_name.size(), " bytes, must have 1 to 64"));
  }
  if (request.not_after <= request.not_before) {
    return absl::InvalidArgumentError("certificate: would end before it begins");
  }
  const OwnedX509 x509(X509_new(), X509_free);
  LINNET_CHECK(x509 != nullptr && X509_set_version(x509.get(), X509_VERSION_3) == 1);
  // RFC 5280, 4.1.2.2: positive, at most 20 bytes; 128 random bits with the sign bit off.
  std::string serial = RandomBytes(16);
  serial[0] = static_cast<char>((serial[0] & 0x7f) | 0x40);
  BIGNUM* number = BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()),
                             static_cast<int>(serial.size()), nullptr);
  LINNET_CHECK(number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509.get())) != nullptr);
  BN_free(number);
  SetTime(X509_getm_notBefore(x509.get()), request.not_before);
  SetTime(X509_getm_notAfter(x509.get()), request.not_after);
  // O first: a constraint is a beginning of the name.
  X509_NAME* subject_name = X509_get_subject_name(x509.get());
  const std::string organization = request.organization.value_or(std::string(DomainOf(request.uri)));
  if (!organization.empty()) LINNET_RETURN_IF_ERROR(AddEntry(subject_name, "O", organization));
  LINNET_RETURN_IF_ERROR(AddEntry(subject_name, "CN", request.common_name));
  LINNET_CHECK(X509_set_issuer_name(x509.get(), issuer == nullptr ? X509_get_subject_name(x509.get())
                                                                  : X509_get_subject_name(issuer)) == 1);
  LINNET_CHECK(X509_set_pubkey(x509.get(), subject.get()) == 1);
  AddBasicConstraints(x509.get(), request);
  AddKeyUsage(x509.get(), request);
  AddKeyIds(x509.get(), issuer);
  AddNames(x509.get(), request);
  LINNET_RETURN_IF_ERROR(AddNameConstraints(x509.get(), request));
  const EVP_MD* digest = issuer_key.type() == KeyType::kEd25519 ? nullptr : EVP_sha256();
  LINNET_CHECK(X509_sign(x509.get(), issuer_key.get(), digest) > 0);

  unsigned char* bytes = nullptr;
  const int size = i2d_X509(x509.get(), &bytes);
  LINNET_CHECK(size > 0);
  const std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return Certificate::FromDer(der);
}

}  // namespace

Certificate IssueSelfSigned(const PrivateKey& key, const CertificateRequest& request) {
  absl::StatusOr<Certificate> certificate = Make(nullptr, key, key.public_key(), request);
  LINNET_CHECK(certificate.ok());  // names and times of self-signed certificates are the program's own
  return *std::move(certificate);
}

absl::StatusOr<Certificate> Issue(const Certificate& issuer, const PrivateKey& issuer_key,
                                  const PublicKey& subject, const CertificateRequest& request) {
  if (issuer.public_key().SpkiDer() != issuer_key.public_key().SpkiDer()) {
    return absl::InvalidArgumentError(
        "certificate: the issuer's key does not belong to the issuer's certificate");
  }
  if ((X509_get_extension_flags(issuer.get()) & EXFLAG_CA) == 0) {
    return absl::InvalidArgumentError("certificate: the issuer is not an authority");
  }
  return Make(issuer.get(), issuer_key, subject, request);
}

}  // namespace linnet::base
