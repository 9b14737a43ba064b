#include "runtime/base/tpm.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/tpm_connection.h"

namespace linnet::base {
namespace {

// Numbers of part 2.
constexpr uint32_t kOwner = 0x40000001, kNull = 0x40000007;  // TPM_RH_...
constexpr uint32_t kCreatePrimary = 0x131, kCreate = 0x153, kLoad = 0x157, kSign = 0x15d, kUnseal = 0x15e;
constexpr uint32_t kKeyedHash = 0x08, kEcc = 0x23, kSha256 = 0x0b, kAes = 0x06, kCfb = 0x43, kEcdsa = 0x18,
                   kNone = 0x10;
constexpr uint32_t kP256 = 0x03;
constexpr uint32_t kTicketHashCheck = 0x8024;
constexpr size_t kMaxSealedBytes = 128;  // MAX_SYM_DATA
// TPMA_OBJECT: fixedTPM, fixedParent, userWithAuth, noDA; sensitiveDataOrigin; then what it may do.
constexpr uint32_t kBroughtHere = 1u << 1 | 1u << 4 | 1u << 6 | 1u << 10;
constexpr uint32_t kMadeHere = kBroughtHere | 1u << 5;
constexpr uint32_t kStorage = kMadeHere | 1u << 16 | 1u << 17;  // restricted, decrypt
constexpr uint32_t kSigning = kMadeHere | 1u << 18;             // sign

// The public areas up to their points; a point that is asked for has two empty coordinates.
std::string StorageTemplate() {
  return absl::StrCat(TpmU16(kEcc), TpmU16(kSha256), TpmU32(kStorage), Tpm2b(""), TpmU16(kAes), TpmU16(128),
                      TpmU16(kCfb), TpmU16(kNone), TpmU16(kP256), TpmU16(kNone));
}
std::string SigningTemplate() {
  return absl::StrCat(TpmU16(kEcc), TpmU16(kSha256), TpmU32(kSigning), Tpm2b(""), TpmU16(kNone),
                      TpmU16(kNone), TpmU16(kP256), TpmU16(kNone));
}
std::string SealedTemplate() {
  return absl::StrCat(TpmU16(kKeyedHash), TpmU16(kSha256), TpmU32(kBroughtHere), Tpm2b(""), TpmU16(kNone));
}
std::string NoPoint() { return Tpm2b("") + Tpm2b(""); }

// inSensitive (no password), inPublic, outsideInfo, creationPCR.
std::string CreationOf(const std::string& public_area, std::string_view secret = "") {
  return absl::StrCat(Tpm2b(Tpm2b("") + Tpm2b(secret)), Tpm2b(public_area), Tpm2b(""), TpmU32(0));
}

absl::Status NoAnswer(const std::string& path) {
  return TpmError(absl::StatusCode::kInternal, absl::StrCat(path, ": the TPM's answer makes no sense"));
}

// The primary key, loaded for one conversation.
class Primary {
 public:
  static absl::StatusOr<Primary> Load(const std::string& path, absl::Duration patience) {
    LINNET_ASSIGN_OR_RETURN(TpmConnection connection, TpmConnection::Open(path, patience));
    uint32_t handle = 0;
    LINNET_RETURN_IF_ERROR(
        connection.Run(kCreatePrimary, kOwner, CreationOf(StorageTemplate() + NoPoint()), &handle).status());
    return Primary(std::move(connection), handle, path);
  }
  ~Primary() {
    if (live_) connection_.Flush(handle_);
  }
  Primary(Primary&& other) noexcept
      : connection_(std::move(other.connection_)),
        path_(std::move(other.path_)),
        handle_(other.handle_),
        live_(std::exchange(other.live_, false)) {}

  absl::StatusOr<Tpm::Blob> Create(const std::string& creation) {
    LINNET_ASSIGN_OR_RETURN(const std::string answer, connection_.Run(kCreate, handle_, creation));
    TpmReader in(answer);
    const std::string private_area = Tpm2b(in.Sized());
    Tpm::Blob blob{.public_area = Tpm2b(in.Sized()), .private_area = private_area};
    return in.ok() ? absl::StatusOr<Tpm::Blob>(std::move(blob)) : NoAnswer(path_);
  }
  // Runs one command with a child, which is loaded for it.
  absl::StatusOr<std::string> With(const Tpm::Blob& child, uint32_t command, std::string_view parameters) {
    uint32_t handle = 0;
    LINNET_RETURN_IF_ERROR(
        connection_.Run(kLoad, handle_, child.private_area + child.public_area, &handle).status());
    absl::StatusOr<std::string> answer = connection_.Run(command, handle, parameters);
    connection_.Flush(handle);
    return answer;
  }

 private:
  Primary(TpmConnection connection, uint32_t handle, std::string path)
      : connection_(std::move(connection)), path_(std::move(path)), handle_(handle), live_(true) {}
  TpmConnection connection_;
  std::string path_;
  uint32_t handle_;
  bool live_;
};

// A coordinate or half of a signature; a TPM may leave leading zeros out.
BIGNUM* Number(std::string_view bytes) {
  return BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()),
                   nullptr);
}

std::string Der(std::string_view r, std::string_view s) {
  const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> signature(ECDSA_SIG_new(), ECDSA_SIG_free);
  LINNET_CHECK(signature != nullptr && ECDSA_SIG_set0(signature.get(), Number(r), Number(s)) == 1);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  LINNET_CHECK(size > 0);
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

}  // namespace

absl::StatusOr<Tpm::Blob> Tpm::CreateKey() const {
  MutexLock lock(mutex_);
  LINNET_ASSIGN_OR_RETURN(Primary primary, Primary::Load(path_, patience_));
  LINNET_ASSIGN_OR_RETURN(Blob blob, primary.Create(CreationOf(SigningTemplate() + NoPoint())));
  if (!PointOf(blob).ok()) return NoAnswer(path_);
  return blob;
}

absl::StatusOr<Tpm::Blob> Tpm::Seal(std::string_view secret) const {
  LINNET_CHECK(!secret.empty() && secret.size() <= kMaxSealedBytes);
  MutexLock lock(mutex_);
  LINNET_ASSIGN_OR_RETURN(Primary primary, Primary::Load(path_, patience_));
  return primary.Create(CreationOf(SealedTemplate() + Tpm2b(""), secret));
}

absl::StatusOr<std::string> Tpm::Unseal(const Blob& sealed) const {
  MutexLock lock(mutex_);
  LINNET_ASSIGN_OR_RETURN(Primary primary, Primary::Load(path_, patience_));
  LINNET_ASSIGN_OR_RETURN(const std::string answer, primary.With(sealed, kUnseal, ""));
  TpmReader in(answer);
  std::string secret(in.Sized());
  if (!in.ok()) return NoAnswer(path_);
  return secret;
}

absl::StatusOr<std::string> Tpm::Sign(const Blob& key, std::string_view digest) const {
  LINNET_CHECK(digest.size() == 32);
  MutexLock lock(mutex_);
  LINNET_ASSIGN_OR_RETURN(Primary primary, Primary::Load(path_, patience_));
  // The digest is ours: the ticket that would prove a hash made by the TPM is the empty one.
  LINNET_ASSIGN_OR_RETURN(const std::string answer,
                          primary.With(key, kSign,
                                       absl::StrCat(Tpm2b(digest), TpmU16(kEcdsa), TpmU16(kSha256),
                                                    TpmU16(kTicketHashCheck), TpmU32(kNull), Tpm2b(""))));
  TpmReader in(answer);
  const uint32_t scheme = in.U16();
  const uint32_t hash = in.U16();
  const std::string_view r = in.Sized();
  const std::string_view s = in.Sized();
  if (!in.ok() || scheme != kEcdsa || hash != kSha256 || r.size() > 32 || s.size() > 32) {
    return NoAnswer(path_);
  }
  return Der(r, s);
}

absl::Status Tpm::Probe() const {
  MutexLock lock(mutex_);
  return Primary::Load(path_, patience_).status();
}

absl::StatusOr<std::string> Tpm::PointOf(const Blob& key) {
  TpmReader whole(key.public_area);
  TpmReader in(whole.Sized());
  const std::string expected = SigningTemplate();
  const bool ours = in.Take(expected.size()) == expected;
  const std::string_view x = in.Sized();
  const std::string_view y = in.Sized();
  if (!ours || !in.ok() || in.left() != 0 || !whole.ok() || whole.left() != 0 || x.size() > 32 ||
      y.size() > 32) {
    return absl::InvalidArgumentError("TPM key: is not a signing key on P-256 that was made in its TPM");
  }
  return absl::StrCat("\4", std::string(32 - x.size(), '\0'), std::string(x),
                      std::string(32 - y.size(), '\0'), std::string(y));
}

bool Tpm::FailedAt(const absl::Status& status) { return status.GetPayload("linnet/tpm").has_value(); }

}  // namespace linnet::base
