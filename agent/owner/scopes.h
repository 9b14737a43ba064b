#ifndef LINNET_AGENT_OWNER_SCOPES_H_
#define LINNET_AGENT_OWNER_SCOPES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace linnet::owner {

// What a grant may open (TRUST.md). Stored as bits: never renumber.
enum class Scope : uint8_t { kAsk = 0, kIngest = 1, kReadData = 2, kManage = 3, kMetrics = 4 };

std::string_view Name(Scope scope);  // "ask", "ingest", "read-data", "manage", "metrics"

class Scopes {
 public:
  Scopes() = default;
  static Scopes All() { return FromBits(0x1f); }
  static Scopes FromBits(uint8_t bits) {
    Scopes scopes;
    scopes.bits_ = bits & 0x1f;
    return scopes;
  }
  // InvalidArgument names an unknown scope and the known ones, or says that the list is empty.
  static absl::StatusOr<Scopes> FromNames(const std::vector<std::string>& names);

  void Add(Scope scope) { bits_ |= static_cast<uint8_t>(1u << static_cast<uint8_t>(scope)); }
  bool Has(Scope scope) const { return ((bits_ >> static_cast<uint8_t>(scope)) & 1) != 0; }
  uint8_t bits() const { return bits_; }
  std::vector<std::string> Names() const;

 private:
  uint8_t bits_ = 0;
};

}  // namespace linnet::owner

#endif  // LINNET_AGENT_OWNER_SCOPES_H_
