#include "runtime/gguf/model_file.h"

#include <array>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/gguf/gguf_impl.h"
#include "runtime/kernels/weight_types.h"

namespace linnet::gguf {
namespace {

// An integer of any GGUF width: magnitude and sign apart, so that both int64 and uint64 fit.
struct Integer {
  bool negative;
  uint64_t bits;  // two's complement of the value
};

std::optional<Integer> AsInteger(ValueType type, const std::byte* at) {
  const auto of_signed = [](int64_t v) { return Integer{v < 0, static_cast<uint64_t>(v)}; };
  switch (type) {
    case ValueType::kUint8:
      return Integer{false, Load<uint8_t>(at)};
    case ValueType::kUint16:
      return Integer{false, Load<uint16_t>(at)};
    case ValueType::kUint32:
      return Integer{false, Load<uint32_t>(at)};
    case ValueType::kUint64:
      return Integer{false, Load<uint64_t>(at)};
    case ValueType::kInt8:
      return of_signed(Load<int8_t>(at));
    case ValueType::kInt16:
      return of_signed(Load<int16_t>(at));
    case ValueType::kInt32:
      return of_signed(Load<int32_t>(at));
    case ValueType::kInt64:
      return of_signed(Load<int64_t>(at));
    default:
      return std::nullopt;
  }
}

bool IsInteger(ValueType type) {
  constexpr std::array<std::byte, 8> kZero = {};
  return AsInteger(type, kZero.data()).has_value();
}

std::string Render(ValueType type, std::span<const std::byte> bytes) {
  if (const auto integer = AsInteger(type, bytes.data())) {
    return integer->negative ? absl::StrCat(static_cast<int64_t>(integer->bits))
                             : absl::StrCat(integer->bits);
  }
  switch (type) {
    case ValueType::kFloat32:
      return absl::StrCat(Load<float>(bytes.data()));
    case ValueType::kFloat64:
      return absl::StrCat(Load<double>(bytes.data()));
    case ValueType::kBool:
      return bytes[0] != std::byte{0} ? "true" : "false";
    case ValueType::kString:
      return Shown(base::AsText(bytes));
    default:
      return "[...]";
  }
}

// Calls use(text) for each string of a walked string array; stops when it returns false.
template <typename Use>
void ForEachString(const Value& array, Use use) {
  const std::byte* at = array.bytes.data();
  for (uint64_t i = 0; i < array.count; ++i) {
    const auto size = Load<uint64_t>(at);
    if (!use(base::AsText({at + 8, static_cast<size_t>(size)}))) return;
    at += 8 + size;
  }
}

std::string RenderArray(const Value& array) {
  constexpr uint64_t kShown = 4;
  std::string list;
  if (array.element == ValueType::kString) {
    uint64_t i = 0;
    ForEachString(array, [&](std::string_view text) {
      absl::StrAppend(&list, i == 0 ? "" : ", ", Shown(text));
      return ++i < kShown;
    });
  } else if (const size_t size = FixedSizeBytes(array.element); size != 0) {
    for (uint64_t i = 0; i < array.count && i < kShown; ++i) {
      absl::StrAppend(&list, i == 0 ? "" : ", ", Render(array.element, array.bytes.subspan(i * size, size)));
    }
  }
  return absl::StrCat(std::string(ValueTypeName(array.element)), "[", array.count, "]: ", list,
                      array.count > kShown ? ", ..." : "");
}

absl::StatusOr<const Value*> Find(const std::string& path,
                                  const absl::flat_hash_map<std::string_view, size_t>& keys,
                                  const std::vector<std::pair<std::string_view, Value>>& metadata,
                                  std::string_view key) {
  const auto found = keys.find(key);
  if (found == keys.end()) return absl::NotFoundError(absl::StrCat(path, ": has no key ", Shown(key)));
  return &metadata[found->second].second;
}

absl::Status Unfit(const std::string& path, std::string_view key, const Value& value, const char* wanted) {
  const std::string found = value.type == ValueType::kArray
                                ? absl::StrCat("array of ", std::string(ValueTypeName(value.element)))
                                : std::string(ValueTypeName(value.type));
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": key ", Shown(key), " is of type ", found, ", expected ", wanted));
}

absl::Status OutOfRange(const std::string& path, std::string_view key, const std::string& value,
                        const char* wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": key ", Shown(key), " holds ", value, ", expected ", wanted));
}

absl::StatusOr<int64_t> ToInt64(const std::string& path, std::string_view key, Integer integer) {
  if (!integer.negative && integer.bits >> 63 != 0) {
    return OutOfRange(path, key, absl::StrCat(integer.bits), "less than 2^63");
  }
  return static_cast<int64_t>(integer.bits);
}

}  // namespace

ModelFile::ModelFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ModelFile::~ModelFile() = default;

const std::string& ModelFile::path() const { return impl_->path; }
uint64_t ModelFile::size_bytes() const { return impl_->bytes.size(); }
bool ModelFile::Has(std::string_view key) const { return impl_->keys.contains(key); }

absl::StatusOr<uint64_t> ModelFile::GetUint(std::string_view key) const {
  LINNET_ASSIGN_OR_RETURN(const Value* value, Find(impl_->path, impl_->keys, impl_->metadata, key));
  const auto integer = AsInteger(value->type, value->bytes.data());
  if (!integer) return Unfit(impl_->path, key, *value, "an integer");
  if (integer->negative) {
    return OutOfRange(impl_->path, key, absl::StrCat(static_cast<int64_t>(integer->bits)), "0 or more");
  }
  return integer->bits;
}

absl::StatusOr<int64_t> ModelFile::GetInt(std::string_view key) const {
  LINNET_ASSIGN_OR_RETURN(const Value* value, Find(impl_->path, impl_->keys, impl_->metadata, key));
  const auto integer = AsInteger(value->type, value->bytes.data());
  if (!integer) return Unfit(impl_->path, key, *value, "an integer");
  return ToInt64(impl_->path, key, *integer);
}

absl::StatusOr<float> ModelFile::GetFloat(std::string_view key) const {
  LINNET_ASSIGN_OR_RETURN(const Value* value, Find(impl_->path, impl_->keys, impl_->metadata, key));
  if (value->type == ValueType::kFloat32) return Load<float>(value->bytes.data());
  if (value->type == ValueType::kFloat64) return static_cast<float>(Load<double>(value->bytes.data()));
  return Unfit(impl_->path, key, *value, "float32");
}

absl::StatusOr<bool> ModelFile::GetBool(std::string_view key) const {
  LINNET_ASSIGN_OR_RETURN(const Value* value, Find(impl_->path, impl_->keys, impl_->metadata, key));
  if (value->type != ValueType::kBool) return Unfit(impl_->path, key, *value, "bool");
  return value->bytes[0] != std::byte{0};
}

absl::StatusOr<std::string_view> ModelFile::GetString(std::string_view key) const {
  LINNET_ASSIGN_OR_RETURN(const Value* value, Find(impl_->path, impl_->keys, impl_->metadata, key));
  if (value->type != ValueType::kString) return Unfit(impl_->path, key, *value, "string");
  return base::AsText(value->bytes);
}

absl::StatusOr<std::vector<std::string_view>> ModelFile::GetStringArray(std::string_view key) const {
  LINNET_ASSIGN_OR_RETURN(const Value* value, Find(impl_->path, impl_->keys, impl_->metadata, key));
  if (value->type != ValueType::kArray || value->element != ValueType::kString) {
    return Unfit(impl_->path, key, *value, "array of string");
  }
  std::vector<std::string_view> strings;
  strings.reserve(value->count);
  ForEachString(*value, [&](std::string_view text) {
    strings.push_back(text);
    return true;
  });
  return strings;
}

absl::StatusOr<std::vector<float>> ModelFile::GetFloatArray(std::string_view key) const {
  LINNET_ASSIGN_OR_RETURN(const Value* value, Find(impl_->path, impl_->keys, impl_->metadata, key));
  const bool wide = value->element == ValueType::kFloat64;
  if (value->type != ValueType::kArray || (!wide && value->element != ValueType::kFloat32)) {
    return Unfit(impl_->path, key, *value, "array of float32");
  }
  std::vector<float> floats(value->count);
  for (size_t i = 0; i < floats.size(); ++i) {
    const std::byte* at = value->bytes.data();
    floats[i] = wide ? static_cast<float>(Load<double>(at + i * 8)) : Load<float>(at + i * 4);
  }
  return floats;
}

absl::StatusOr<std::vector<int64_t>> ModelFile::GetIntArray(std::string_view key) const {
  LINNET_ASSIGN_OR_RETURN(const Value* value, Find(impl_->path, impl_->keys, impl_->metadata, key));
  if (value->type != ValueType::kArray || !IsInteger(value->element)) {
    return Unfit(impl_->path, key, *value, "array of integers");
  }
  const size_t size = FixedSizeBytes(value->element);
  std::vector<int64_t> integers(value->count);
  for (size_t i = 0; i < integers.size(); ++i) {
    const auto integer = AsInteger(value->element, value->bytes.data() + i * size);
    LINNET_ASSIGN_OR_RETURN(integers[i], ToInt64(impl_->path, key, *integer));
  }
  return integers;
}

absl::StatusOr<std::vector<bool>> ModelFile::GetBoolArray(std::string_view key) const {
  LINNET_ASSIGN_OR_RETURN(const Value* value, Find(impl_->path, impl_->keys, impl_->metadata, key));
  if (value->type != ValueType::kArray || value->element != ValueType::kBool) {
    return Unfit(impl_->path, key, *value, "array of booleans");
  }
  std::vector<bool> flags(value->count);
  for (size_t i = 0; i < flags.size(); ++i) flags[i] = value->bytes[i] != std::byte{0};
  return flags;
}

std::vector<std::string_view> ModelFile::Keys() const {
  std::vector<std::string_view> keys;
  keys.reserve(impl_->metadata.size());
  for (const auto& [key, value] : impl_->metadata) keys.push_back(key);
  return keys;
}

std::vector<uint64_t> ModelFile::MetadataBorders() const {
  constexpr ptrdiff_t kLength = 8;  // before a key's name
  const auto offset = [&](const void* at) {
    return static_cast<uint64_t>(static_cast<const std::byte*>(at) - impl_->bytes.data());
  };
  std::vector<uint64_t> borders;
  for (const auto& [key, value] : impl_->metadata) borders.push_back(offset(key.data() - kLength));
  if (!borders.empty()) {
    const std::span<const std::byte> last = impl_->metadata.back().second.bytes;
    borders.push_back(offset(last.data() + last.size()));
  }
  if (!impl_->tokenizer_tables.empty()) borders.push_back(offset(impl_->tokenizer_tables.data()));
  return borders;
}

absl::StatusOr<StoredValue> ModelFile::GetStored(std::string_view key) const {
  LINNET_ASSIGN_OR_RETURN(const Value* value, Find(impl_->path, impl_->keys, impl_->metadata, key));
  // What stands before the bytes in the file: an array's element type and count, a string's length.
  const size_t head = value->type == ValueType::kArray ? 12 : value->type == ValueType::kString ? 8 : 0;
  const std::byte* begin = value->bytes.data() - head;
  return StoredValue{value->type, value->element, value->count,
                     std::string(base::AsText({begin, value->bytes.size() + head}))};
}

absl::StatusOr<std::span<const std::byte>> ModelFile::GetByteArray(std::string_view key) const {
  LINNET_ASSIGN_OR_RETURN(const Value* value, Find(impl_->path, impl_->keys, impl_->metadata, key));
  if (value->type != ValueType::kArray ||
      (value->element != ValueType::kInt8 && value->element != ValueType::kUint8)) {
    return Unfit(impl_->path, key, *value, "array of bytes");
  }
  return value->bytes.first(value->count);
}

std::vector<std::pair<std::string, std::string>> ModelFile::DescribeMetadata() const {
  std::vector<std::pair<std::string, std::string>> lines;
  lines.reserve(impl_->metadata.size());
  for (const auto& [key, value] : impl_->metadata) {
    lines.emplace_back(absl::Utf8SafeCHexEscape(base::ToAbsl(key)), value.type == ValueType::kArray
                                                                        ? RenderArray(value)
                                                                        : Render(value.type, value.bytes));
  }
  return lines;
}

ModelFile::Tables ModelFile::tokenizer_tables() const { return {impl_->tokenizer_tables, impl_->mapping}; }

const std::vector<TensorInfo>& ModelFile::tensors() const { return impl_->tensors; }

const TensorInfo* ModelFile::FindTensor(std::string_view name) const {
  const auto found = impl_->names.find(name);
  return found == impl_->names.end() ? nullptr : &impl_->tensors[found->second];
}

absl::StatusOr<const TensorInfo*> ModelFile::RequireTensor(std::string_view name) const {
  const TensorInfo* tensor = FindTensor(name);
  if (tensor == nullptr) {
    return absl::NotFoundError(absl::StrCat(impl_->path, ": has no tensor ", Shown(name)));
  }
  if (!tensor->supported) {
    std::string known;
    for (const kernels::WeightTypeInfo& info : kernels::kWeightTypes) {
      absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(info.name));
    }
    return absl::UnimplementedError(absl::StrCat(impl_->path, ": tensor ", Shown(name), " is of type ",
                                                 std::string(tensor->type_name), "; supported are ", known,
                                                 ": quantize the model to one of these"));
  }
  return tensor;
}

}  // namespace linnet::gguf
