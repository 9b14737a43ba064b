// Engines are the only way past PEM that gRPC 1.51 has; OpenSSL 3 still takes them.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "runtime/net/tls_engine.h"

#include <openssl/ec.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/mutex.h"
#include "runtime/base/status_macros.h"

namespace linnet::net {
namespace {

constexpr char kEngine[] = "linnet";
constexpr int kDigestBytes = 32;  // SHA-256: what TLS 1.3 signs with a P-256 key

// OpenSSL's list of engines belongs to the process, and so does this.
class Engine {
 public:
  static Engine& Get() {
    static Engine* engine = new Engine;  // as long as OpenSSL may call it
    return *engine;
  }

  std::string NameOf(const base::PrivateKey& key) {
    const std::string id = base::Hex(base::Sha256(key.public_key().SpkiDer()));
    base::MutexLock lock(mutex_);
    keys_.emplace(id, key);
    return absl::StrCat("engine:", std::string(kEngine), ":", id);
  }

 private:
  Engine() {
    method_ = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    engine_ = ENGINE_new();
    index_ = EC_KEY_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    LINNET_CHECK(method_ != nullptr && engine_ != nullptr && index_ >= 0);
    int (*set_up)(EC_KEY*, BN_CTX*, BIGNUM**, BIGNUM**) = nullptr;
    EC_KEY_METHOD_get_sign(EC_KEY_OpenSSL(), nullptr, &set_up, nullptr);
    EC_KEY_METHOD_set_sign(method_, &Sign, set_up, &SignToParts);
    LINNET_CHECK(ENGINE_set_id(engine_, kEngine) == 1 &&
                 ENGINE_set_name(engine_, "keys in this device's hardware") == 1 &&
                 ENGINE_set_load_privkey_function(engine_, &Load) == 1 && ENGINE_add(engine_) == 1);
  }

  static EVP_PKEY* Load(ENGINE*, const char* id, UI_METHOD*, void*) { return Get().Find(id); }

  EVP_PKEY* Find(const char* id) {
    base::MutexLock lock(mutex_);
    const auto found = keys_.find(std::string_view(id));
    if (found == keys_.end()) return nullptr;
    const std::string point = found->second.public_key().Raw();
    EC_KEY* ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    EVP_PKEY* key = EVP_PKEY_new();
    const bool made = ec != nullptr && key != nullptr &&
                      EC_KEY_oct2key(ec, reinterpret_cast<const unsigned char*>(point.data()), point.size(),
                                     nullptr) == 1 &&
                      EC_KEY_set_method(ec, method_) == 1 &&
                      // Nodes of the map stay where they are, and are never taken out.
                      EC_KEY_set_ex_data(ec, index_, &found->second) == 1 &&
                      EVP_PKEY_set1_EC_KEY(key, ec) == 1;
    EC_KEY_free(ec);
    if (made) return key;
    EVP_PKEY_free(key);
    return nullptr;
  }

  // As EC_KEY_METHOD has it: DER into `out`, which has room for ECDSA_size(ec).
  static int Sign(int, const unsigned char* digest, int size, unsigned char* out, unsigned* out_size,
                  const BIGNUM*, const BIGNUM*, EC_KEY* ec) {
    const auto* key = static_cast<const base::PrivateKey*>(EC_KEY_get_ex_data(ec, Get().index_));
    if (key == nullptr || size != kDigestBytes) return 0;
    const absl::StatusOr<std::string> signature =
        key->hardware()->SignDigest({reinterpret_cast<const char*>(digest), static_cast<size_t>(size)});
    if (!signature.ok()) {
      base::Log(base::Severity::kWarning, "hardware key did not sign",
                {{"error", base::LogValue::Error(signature.status())}});
      return 0;
    }
    if (signature->size() > static_cast<size_t>(ECDSA_size(ec))) return 0;
    std::copy(signature->begin(), signature->end(), out);
    *out_size = static_cast<unsigned>(signature->size());
    return 1;
  }

  static ECDSA_SIG* SignToParts(const unsigned char* digest, int size, const BIGNUM*, const BIGNUM*,
                                EC_KEY* ec) {
    std::string der(static_cast<size_t>(ECDSA_size(ec)), '\0');
    unsigned written = 0;
    if (Sign(0, digest, size, reinterpret_cast<unsigned char*>(der.data()), &written, nullptr, nullptr, ec) !=
        1) {
      return nullptr;
    }
    const auto* cursor = reinterpret_cast<const unsigned char*>(der.data());
    return d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(written));
  }

  EC_KEY_METHOD* method_;
  ENGINE* engine_;
  int index_;
  base::Mutex mutex_;
  std::map<std::string, base::PrivateKey, std::less<>> keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::string EngineNameOf(const base::PrivateKey& key) {
  LINNET_CHECK(key.hardware() != nullptr);
  return Engine::Get().NameOf(key);
}

}  // namespace linnet::net
