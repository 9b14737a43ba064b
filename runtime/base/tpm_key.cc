#include "runtime/base/tpm_key.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::base {
namespace {

constexpr char kName[] = "TSS2 PRIVATE KEY";
constexpr std::string_view kBegin = "-----BEGIN TSS2 PRIVATE KEY-----";
constexpr size_t kMaxPemBytes = 16 * 1024;
// TPMKey ::= SEQUENCE { type OID, emptyAuth [0] BOOLEAN, parent INTEGER, pubkey OCTET STRING, privkey OCTET
// STRING }: the three that do not change, as they are written. OIDs 2.23.133.10.1.3 and 5, true,
// TPM_RH_OWNER.
constexpr std::string_view kLoadable("\x06\x06\x67\x81\x05\x0a\x01\x03", 8);
constexpr std::string_view kSealed("\x06\x06\x67\x81\x05\x0a\x01\x05", 8);
constexpr std::string_view kEmptyAuth("\xa0\x03\x01\x01\xff", 5);
constexpr std::string_view kEmptyAuthOfProvider("\xa0\x03\x01\x01\x01", 5);  // tpm2-openssl's spelling
constexpr std::string_view kParent("\x02\x04\x40\x00\x00\x01", 6);

// Tag, size, content. At most 64 KiB.
std::string DerOf(char tag, std::string_view content) {
  const size_t size = content.size();
  LINNET_CHECK(size <= 0xffff);
  std::string out(1, tag);
  if (size >= 0x100) {
    out += {'\x82', static_cast<char>(size >> 8)};
  } else if (size >= 0x80) {
    out += '\x81';
  }
  out += static_cast<char>(size & 0xff);
  return out.append(content);
}

// Takes one element with this tag off the front. nullopt: it is not there, or not written as DerOf writes it.
std::optional<std::string_view> TakeDer(char tag, std::string_view& in) {
  if (in.size() < 2 || in[0] != tag) return std::nullopt;
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(in[i])); };
  size_t size = byte(1);
  size_t header = 2;
  if (size == 0x81 && in.size() >= 3) {
    size = byte(2);
    header = 3;
  } else if (size == 0x82 && in.size() >= 4) {
    size = byte(2) << 8 | byte(3);
    header = 4;
  } else if (size >= 0x80) {
    return std::nullopt;
  }
  if (in.size() < header + size) return std::nullopt;
  const std::string_view content = in.substr(header, size);
  in.remove_prefix(header + size);
  return content;
}

bool Skip(std::string_view expected, std::string_view& in) {
  if (!in.starts_with(expected)) return false;
  in.remove_prefix(expected.size());
  return true;
}

std::optional<Tpm::Blob> BlobOf(std::string_view type, std::string_view der) {
  const std::optional<std::string_view> sequence = TakeDer('\x30', der);
  if (!sequence.has_value() || !der.empty()) return std::nullopt;
  std::string_view in = *sequence;
  if (!Skip(type, in) || (!Skip(kEmptyAuth, in) && !Skip(kEmptyAuthOfProvider, in)) || !Skip(kParent, in)) {
    return std::nullopt;
  }
  const std::optional<std::string_view> public_area = TakeDer('\x04', in);
  const std::optional<std::string_view> private_area = TakeDer('\x04', in);
  if (!public_area.has_value() || !private_area.has_value() || !in.empty()) return std::nullopt;
  return Tpm::Blob{.public_area = std::string(*public_area), .private_area = std::string(*private_area)};
}

std::optional<std::string> DerOfPem(std::string_view pem) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                BIO_free);
  LINNET_CHECK(bio != nullptr);
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  if (PEM_read_bio(bio.get(), &name, &header, &data, &size) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  std::optional<std::string> der;
  if (std::string_view(name) == kName) der.emplace(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(data);
  return der;
}

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("key of a TPM: ", std::string(what)));
}

absl::StatusOr<Tpm::Blob> BlobOfPem(std::string_view type, std::string_view pem) {
  if (pem.size() > kMaxPemBytes) return Damaged("the file is too large");
  const std::optional<std::string> der = DerOfPem(pem);
  std::optional<Tpm::Blob> blob = der.has_value() ? BlobOf(type, *der) : std::nullopt;
  if (!blob.has_value()) return Damaged("the file is damaged, or of another program");
  return *std::move(blob);
}

std::string PemOf(std::string_view type, const Tpm::Blob& blob) {
  const std::string der =
      DerOf('\x30', absl::StrCat(std::string(type), std::string(kEmptyAuth), std::string(kParent),
                                 DerOf('\x04', blob.public_area), DerOf('\x04', blob.private_area)));
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  LINNET_CHECK(bio != nullptr &&
               PEM_write_bio(bio.get(), kName, "", reinterpret_cast<const unsigned char*>(der.data()),
                             static_cast<long>(der.size())) > 0);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

class TpmKey final : public HardwareKey {
 public:
  TpmKey(std::shared_ptr<const Tpm> tpm, Tpm::Blob blob) : tpm_(std::move(tpm)), blob_(std::move(blob)) {}
  absl::StatusOr<std::string> SignDigest(std::string_view digest) const override {
    return tpm_->Sign(blob_, digest);
  }

 private:
  const std::shared_ptr<const Tpm> tpm_;
  const Tpm::Blob blob_;
};

}  // namespace

absl::StatusOr<KeyPlace> KeyPlaceOf(const std::string& name) {
  if (name == "file") return KeyPlace::kFile;
  if (name == "tpm2") return KeyPlace::kTpm;
  if (name == "auto") return KeyPlace::kAuto;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" is no place for a key; file, tpm2 and auto are"));
}

bool IsTpmKey(std::string_view pem) { return pem.starts_with(kBegin); }

absl::StatusOr<std::string> MakeTpmKey(const Tpm& tpm) {
  LINNET_ASSIGN_OR_RETURN(const Tpm::Blob blob, tpm.CreateKey());
  return PemOf(kLoadable, blob);
}

absl::StatusOr<std::string> SealWithTpm(const Tpm& tpm, std::string_view secret) {
  LINNET_ASSIGN_OR_RETURN(const Tpm::Blob blob, tpm.Seal(secret));
  return PemOf(kSealed, blob);
}

absl::StatusOr<std::string> UnsealWithTpm(const Tpm& tpm, std::string_view pem) {
  LINNET_ASSIGN_OR_RETURN(const Tpm::Blob blob, BlobOfPem(kSealed, pem));
  return tpm.Unseal(blob);
}

absl::StatusOr<PrivateKey> OpenTpmKey(std::string_view pem, std::shared_ptr<const Tpm> tpm) {
  LINNET_ASSIGN_OR_RETURN(Tpm::Blob blob, BlobOfPem(kLoadable, pem));
  const absl::StatusOr<std::string> point = Tpm::PointOf(blob);
  absl::StatusOr<PublicKey> key = point.ok() ? PublicKey::FromP256Point(*point) : point.status();
  if (!key.ok()) return Damaged("its public half is no signing key on P-256");
  return PrivateKey::InHardware(*std::move(key),
                                std::make_shared<const TpmKey>(std::move(tpm), std::move(blob)));
}

}  // namespace linnet::base
