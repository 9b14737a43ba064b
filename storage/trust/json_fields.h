#ifndef LINNET_STORAGE_TRUST_JSON_FIELDS_H_
#define LINNET_STORAGE_TRUST_JSON_FIELDS_H_

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "storage/trust/canonical_json.h"

// Inside of the signed formats (plan.cc, wave_*.cc, revoked_list.cc): members of a signed JSON object, each
// with its form and bounds. DataLoss names the one that is missing or wrong.
namespace linnet::trust {

inline absl::Status BadField(const std::string& where, std::string_view what) {
  return absl::DataLossError(absl::StrCat(where, ": ", std::string(what)));
}

inline bool IsLowerHex(std::string_view text, size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// That `json` is an object with members of these names only. What a reader does not know may be a rule that
// it then would not keep.
inline absl::Status OnlyMembers(const Json& json, const std::string& where,
                                std::initializer_list<std::string_view> names) {
  if (json.object() == nullptr) return BadField(where, "is no object");
  for (const auto& [name, value] : *json.object()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return BadField(where, absl::StrCat("\"", name.substr(0, 64), "\" is not known to this program"));
    }
  }
  return absl::OkStatus();
}

class Fields {
 public:
  Fields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  absl::StatusOr<std::string> Text(std::string_view name, size_t most) const {
    const Json* value = json_.Find(name);
    if (value == nullptr || value->text() == nullptr || value->text()->empty() ||
        value->text()->size() > most) {
      return BadField(where_,
                      absl::StrCat("\"", std::string(name), "\" is no text of 1 to ", most, " bytes"));
    }
    return *value->text();
  }
  absl::StatusOr<std::string> HexText(std::string_view name, size_t digits) const {
    const Json* value = json_.Find(name);
    if (value == nullptr || value->text() == nullptr || !IsLowerHex(*value->text(), digits)) {
      return BadField(where_,
                      absl::StrCat("\"", std::string(name), "\" is not ", digits, " lower-case hex digits"));
    }
    return *value->text();
  }
  absl::StatusOr<int64_t> Integer(std::string_view name, int64_t least, int64_t most) const {
    const Json* value = json_.Find(name);
    if (value == nullptr || value->integer() == nullptr || *value->integer() < least ||
        *value->integer() > most) {
      return BadField(where_,
                      absl::StrCat("\"", std::string(name), "\" is no integer from ", least, " to ", most));
    }
    return *value->integer();
  }
  absl::StatusOr<const Json::Array*> List(std::string_view name, size_t least, size_t most) const {
    const Json* value = json_.Find(name);
    if (value == nullptr || value->array() == nullptr || value->array()->size() < least ||
        value->array()->size() > most) {
      return BadField(where_, absl::StrCat("\"", std::string(name), "\" is no list of ", least, " to ", most,
                                           " entries"));
    }
    return value->array();
  }

 private:
  const Json& json_;
  std::string where_;
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_JSON_FIELDS_H_
