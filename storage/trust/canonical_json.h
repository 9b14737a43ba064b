#ifndef LINNET_STORAGE_TRUST_CANONICAL_JSON_H_
#define LINNET_STORAGE_TRUST_CANONICAL_JSON_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace linnet::trust {

// A JSON value as signed metadata may hold one: integers of 64 bits, no other numbers. Objects are sorted by
// code point (the order of UTF-8 bytes), which is the order of the canonical form.
class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json, std::less<>>;

  Json() = default;  // null
  ~Json();
  // Out of line: g++ 12 warns falsely about moves of a variant that it inlines.
  Json(const Json&);
  Json(Json&&) noexcept;
  Json& operator=(const Json&);
  Json& operator=(Json&&) noexcept;
  Json(bool v) : value_(v) {}
  Json(int v) : value_(static_cast<int64_t>(v)) {}
  Json(int64_t v) : value_(v) {}
  Json(uint64_t v);  // at most 2^63 - 1
  Json(const char* v) : value_(std::string(v)) {}
  Json(std::string_view v) : value_(std::string(v)) {}
  Json(std::string v) : value_(std::move(v)) {}
  Json(Array v) : value_(std::move(v)) {}
  Json(Object v) : value_(std::move(v)) {}

  // Null pointers when the value is of another kind.
  const bool* boolean() const { return std::get_if<bool>(&value_); }
  const int64_t* integer() const { return std::get_if<int64_t>(&value_); }
  const std::string* text() const { return std::get_if<std::string>(&value_); }
  const Array* array() const { return std::get_if<Array>(&value_); }
  const Object* object() const { return std::get_if<Object>(&value_); }
  Object* object() { return std::get_if<Object>(&value_); }
  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }

  // The member of this name; null pointer when there is none or this is no object.
  const Json* Find(std::string_view name) const;

  // OLPC canonical JSON, the bytes that signatures cover: no spaces, members sorted, in strings only '"' and
  // '\' escaped (so control characters stand as they are, and the result may not be JSON).
  std::string Canonical() const;
  // The same, but always JSON: control characters are escaped. Equal to Canonical() when there are none.
  std::string Dump() const;

 private:
  std::variant<std::monostate, bool, int64_t, std::string, Array, Object> value_;
};

struct JsonLimits {
  size_t max_depth = 64;
  // Bounds memory: a value of two bytes ("0,") takes some fifty here.
  size_t max_values = 500'000;
};

// One JSON value (RFC 8259) and nothing after it but white space. DataLoss, with the byte's offset, for:
// numbers that are no 64-bit integers ("1.0", "1e3", "-0", 2^63), a member named twice, bytes that are not
// UTF-8, lone surrogates, raw control characters in strings, a byte order mark, more depth or values than
// `limits`.
absl::StatusOr<Json> ParseJson(std::string_view text, const JsonLimits& limits = {});

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_CANONICAL_JSON_H_
