#include "runtime/model/metadata.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::model {

absl::StatusOr<uint32_t> Metadata::Uint(std::string_view key, uint64_t max) const {
  if (!Has(key)) return Missing(key);
  LINNET_ASSIGN_OR_RETURN(const uint64_t value, file_.GetUint(Name(key)));
  if (value < 1 || value > max) return Wrong(key, absl::StrCat(value, ", expected 1 to ", max));
  return static_cast<uint32_t>(value);
}

absl::StatusOr<uint32_t> Metadata::UintOr(std::string_view key, uint64_t max, uint32_t otherwise) const {
  if (!Has(key)) return otherwise;
  return Uint(key, max);
}

absl::StatusOr<std::vector<uint32_t>> Metadata::PerLayer(std::string_view key, uint64_t max,
                                                         uint32_t layers) const {
  if (!Has(key)) return std::vector<uint32_t>();
  std::vector<int64_t> values;
  if (const auto one = file_.GetInt(Name(key)); one.ok()) {
    values.assign(layers, *one);
  } else {
    LINNET_ASSIGN_OR_RETURN(values, file_.GetIntArray(Name(key)));
    if (values.size() != layers) {
      return Wrong(
          key, absl::StrCat("a list of ", values.size(), ", expected one for each of ", layers, " layers"));
    }
  }
  std::vector<uint32_t> out;
  for (const int64_t value : values) {
    if (value < 0 || static_cast<uint64_t>(value) > max) {
      return Wrong(key, absl::StrCat(value, ", expected 0 to ", max));
    }
    out.push_back(static_cast<uint32_t>(value));
  }
  return out;
}

absl::StatusOr<float> Metadata::Float(std::string_view key, float low, float high) const {
  if (!Has(key)) return Missing(key);
  LINNET_ASSIGN_OR_RETURN(const float value, file_.GetFloat(Name(key)));
  if (!(value >= low && value <= high)) {
    return Wrong(key, absl::StrCat(value, ", expected ", low, " to ", high));
  }
  return value;
}

absl::StatusOr<float> Metadata::FloatOr(std::string_view key, float low, float high, float otherwise) const {
  if (!Has(key)) return otherwise;
  return Float(key, low, high);
}

absl::StatusOr<std::string> Metadata::StringOr(std::string_view key, std::string_view otherwise) const {
  if (!Has(key)) return std::string(otherwise);
  LINNET_ASSIGN_OR_RETURN(const std::string_view value, file_.GetString(Name(key)));
  return std::string(value);
}

absl::StatusOr<bool> Metadata::BoolOr(std::string_view key, bool otherwise) const {
  if (!Has(key)) return otherwise;
  return file_.GetBool(Name(key));
}

absl::Status Metadata::Missing(std::string_view key) const {
  return absl::DataLossError(absl::StrCat(file_.path(), ": metadata has no ", Name(key)));
}

absl::Status Metadata::Wrong(std::string_view key, std::string_view found_and_expected) const {
  return absl::DataLossError(
      absl::StrCat(file_.path(), ": ", Name(key), " is ", std::string(found_and_expected)));
}

absl::Status Metadata::Unsupported(std::string_view key, std::string_view what) const {
  return absl::UnimplementedError(
      absl::StrCat(file_.path(), ": ", Name(key), ": ", std::string(what), " is not supported"));
}

absl::Status Metadata::Refuse(std::string_view key) const {
  if (!Has(key)) return absl::OkStatus();
  const std::string name = Name(key);
  if (const auto flag = file_.GetBool(name); flag.ok() && !*flag) return absl::OkStatus();
  if (const auto number = file_.GetFloat(name); number.ok() && *number == 0.0f) return absl::OkStatus();
  if (const auto number = file_.GetInt(name); number.ok() && *number == 0) return absl::OkStatus();
  if (const auto list = file_.GetIntArray(name); list.ok()) {
    bool empty = true;
    for (const int64_t value : *list) empty = empty && value == 0;
    if (empty) return absl::OkStatus();
  }
  return Unsupported(key, "this setting, in this family,");
}

}  // namespace linnet::model
