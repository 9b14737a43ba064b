#ifndef LINNET_RUNTIME_BASE_HASH_H_
#define LINNET_RUNTIME_BASE_HASH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace linnet::base {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest Sha256(std::string_view bytes);
std::string Sha512Hex(std::string_view bytes);
Sha256Digest HmacSha256(std::string_view key, std::string_view message);

// Incremental SHA-256 (FIPS 180-4). Not thread-safe.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;
  void Update(std::span<const std::byte> bytes);
  // Call once, last.
  Sha256Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Lower-case hex. UnHex: nullopt unless an even number of hex digits (either case).
std::string Hex(std::span<const uint8_t> bytes);
std::string Hex(std::string_view bytes);
std::optional<std::string> UnHex(std::string_view hex);

// RFC 4648 base64url without padding.
std::string Base64Url(std::string_view bytes);
std::optional<std::string> UnBase64Url(std::string_view text);

// From the system's generator; the process ends if that fails (nothing safe could go on).
std::string RandomBytes(size_t n);

// Takes the same time whatever differs.
bool ConstantTimeEqual(std::string_view a, std::string_view b);

inline std::string_view AsView(const Sha256Digest& d) {
  return {reinterpret_cast<const char*>(d.data()), d.size()};
}

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_HASH_H_
