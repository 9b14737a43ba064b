#include "agent/http/json_fields.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace linnet::http {

using nlohmann::json;

ApiError Wrong(std::string param, std::string_view what, std::string code) {
  ApiError error;
  error.message = absl::StrCat(param, ": ", std::string(what));
  error.param = std::move(param);
  error.code = std::move(code);
  return error;
}

ApiError Unsupported(std::string param) {
  return Wrong(std::move(param), "this parameter is not supported on this device; leave it out",
               "unsupported_parameter");
}

bool IsAbsent(const json& root, const char* name) {
  const auto found = root.find(name);
  return found == root.end() || found->is_null();
}

Problem Number(const json& root, const char* name, double least, double most, float* out) {
  if (IsAbsent(root, name)) return std::nullopt;
  const json& value = root[name];
  if (!value.is_number() || !(value.get<double>() >= least && value.get<double>() <= most)) {
    return Wrong(name, absl::StrCat("expected a number from ", least, " to ", most));
  }
  *out = static_cast<float>(value.get<double>());
  return std::nullopt;
}

Problem Integer(const json& root, const char* name, int64_t least, int64_t most, int64_t* out) {
  if (IsAbsent(root, name)) return std::nullopt;
  const json& value = root[name];
  const bool whole = value.is_number_integer();
  // An unsigned number may be more than an int64 can say.
  const bool huge = value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX;
  if (!whole || huge || value.get<int64_t>() < least || value.get<int64_t>() > most) {
    return Wrong(name, absl::StrCat("expected a whole number from ", least, " to ", most));
  }
  *out = value.get<int64_t>();
  return std::nullopt;
}

Problem Count(const json& root, const char* name, uint32_t least, uint32_t most, uint32_t* out) {
  int64_t value = *out;
  if (Problem problem = Integer(root, name, least, most, &value)) return problem;
  *out = static_cast<uint32_t>(value);
  return std::nullopt;
}

Problem Boolean(const json& root, const char* name, bool* out) {
  if (IsAbsent(root, name)) return std::nullopt;
  if (!root[name].is_boolean()) return Wrong(name, "expected true or false");
  *out = root[name].get<bool>();
  return std::nullopt;
}

}  // namespace linnet::http
