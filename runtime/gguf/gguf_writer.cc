#include "runtime/gguf/gguf_writer.h"

#include <cstring>
#include <set>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::gguf {
namespace {

template <typename T>
void Append(std::string& out, T value) {
  static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void AppendText(std::string& out, std::string_view text) {
  Append(out, uint64_t{text.size()});
  out.append(text);
}

template <typename T>
std::string Bytes(T value) {
  std::string bytes;
  Append(bytes, value);
  return bytes;
}

std::string ArrayHead(ValueType element, uint64_t count) {
  std::string bytes;
  Append(bytes, static_cast<uint32_t>(element));
  Append(bytes, count);
  return bytes;
}

template <typename T>
std::string ArrayBytes(ValueType element, const std::vector<T>& values) {
  std::string bytes = ArrayHead(element, values.size());
  for (const T value : values) Append(bytes, value);
  return bytes;
}

absl::Status Misproduced(const std::string& name, uint64_t found, uint64_t expected) {
  return absl::InternalError(
      absl::StrCat("tensor ", Shown(name), ": ", found, " bytes were made, its shape needs ", expected));
}

uint64_t Padded(uint64_t size, uint64_t alignment) { return (size + alignment - 1) / alignment * alignment; }

}  // namespace

void GgufWriter::SetUint8(std::string_view key, uint8_t v) { SetRaw(key, ValueType::kUint8, Bytes(v)); }
void GgufWriter::SetInt8(std::string_view key, int8_t v) { SetRaw(key, ValueType::kInt8, Bytes(v)); }
void GgufWriter::SetUint16(std::string_view key, uint16_t v) { SetRaw(key, ValueType::kUint16, Bytes(v)); }
void GgufWriter::SetInt16(std::string_view key, int16_t v) { SetRaw(key, ValueType::kInt16, Bytes(v)); }
void GgufWriter::SetUint32(std::string_view key, uint32_t v) { SetRaw(key, ValueType::kUint32, Bytes(v)); }
void GgufWriter::SetInt32(std::string_view key, int32_t v) { SetRaw(key, ValueType::kInt32, Bytes(v)); }
void GgufWriter::SetUint64(std::string_view key, uint64_t v) { SetRaw(key, ValueType::kUint64, Bytes(v)); }
void GgufWriter::SetInt64(std::string_view key, int64_t v) { SetRaw(key, ValueType::kInt64, Bytes(v)); }
void GgufWriter::SetFloat32(std::string_view key, float v) { SetRaw(key, ValueType::kFloat32, Bytes(v)); }
void GgufWriter::SetFloat64(std::string_view key, double v) { SetRaw(key, ValueType::kFloat64, Bytes(v)); }
void GgufWriter::SetBool(std::string_view key, bool v) { SetRaw(key, ValueType::kBool, Bytes(uint8_t{v})); }

void GgufWriter::SetString(std::string_view key, std::string_view value) {
  std::string bytes;
  AppendText(bytes, value);
  SetRaw(key, ValueType::kString, std::move(bytes));
}

void GgufWriter::SetStringArray(std::string_view key, const std::vector<std::string>& values) {
  std::string bytes = ArrayHead(ValueType::kString, values.size());
  for (const std::string& value : values) AppendText(bytes, value);
  SetRaw(key, ValueType::kArray, std::move(bytes));
}

void GgufWriter::SetInt32Array(std::string_view key, const std::vector<int32_t>& values) {
  SetRaw(key, ValueType::kArray, ArrayBytes(ValueType::kInt32, values));
}

void GgufWriter::SetUint32Array(std::string_view key, const std::vector<uint32_t>& values) {
  SetRaw(key, ValueType::kArray, ArrayBytes(ValueType::kUint32, values));
}

void GgufWriter::SetFloat32Array(std::string_view key, const std::vector<float>& values) {
  SetRaw(key, ValueType::kArray, ArrayBytes(ValueType::kFloat32, values));
}

void GgufWriter::SetBoolArray(std::string_view key, const std::vector<bool>& values) {
  SetRaw(key, ValueType::kArray,
         ArrayBytes(ValueType::kBool, std::vector<uint8_t>(values.begin(), values.end())));
}

void GgufWriter::SetRaw(std::string_view key, ValueType type, std::string bytes) {
  const auto [at, added] = keys_.emplace(std::string(key), entries_.size());
  if (added) {
    entries_.push_back({std::string(key), type, std::move(bytes)});
  } else {
    entries_[at->second].type = type;
    entries_[at->second].bytes = std::move(bytes);
  }
}

void GgufWriter::CopyMetadata(const ModelFile& from) {
  for (const std::string_view key : from.Keys()) {
    auto value = from.GetStored(key);
    SetRaw(key, value->type, std::move(value->bytes));
  }
  // The reader has checked it.
  if (const auto alignment = from.GetUint("general.alignment"); alignment.ok()) {
    alignment_ = static_cast<uint32_t>(*alignment);
  }
}

void GgufWriter::RemoveKey(std::string_view key) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return;
  const size_t index = found->second;
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(index));
  keys_.erase(found);
  for (auto& [name, at] : keys_) at -= at > index ? 1 : 0;
}

void GgufWriter::SetAlignment(uint32_t alignment) {
  alignment_ = alignment;
  SetUint32("general.alignment", alignment);
}

void GgufWriter::AddTensor(std::string name, kernels::WeightType type, std::vector<uint64_t> shape,
                           std::string bytes) {
  auto owned = std::make_unique<std::string>(std::move(bytes));
  const auto view = base::AsBytes(*owned);
  tensors_.push_back(
      {std::move(name), static_cast<uint32_t>(type), std::move(shape), std::move(owned), view, nullptr});
}

void GgufWriter::AddTensorView(std::string name, uint32_t ggml_type, std::vector<uint64_t> shape,
                               std::span<const std::byte> bytes) {
  tensors_.push_back({std::move(name), ggml_type, std::move(shape), nullptr, bytes, nullptr});
}

void GgufWriter::AddTensorProduced(std::string name, uint32_t ggml_type, std::vector<uint64_t> shape,
                                   Produce produce) {
  tensors_.push_back({std::move(name), ggml_type, std::move(shape), nullptr, {}, std::move(produce)});
}

std::optional<uint64_t> GgufWriter::SizeOf(const Tensor& tensor) {
  const GgmlType* type = FindGgmlType(tensor.ggml_type);
  if (type == nullptr || tensor.shape.size() > 4) return std::nullopt;
  return TensorSizeBytes(*type, tensor.shape);
}

absl::StatusOr<std::string> GgufWriter::Head(std::vector<uint64_t>& offsets) const {
  std::string head = "GGUF";
  Append(head, version_);
  Append(head, uint64_t{tensors_.size()});
  Append(head, uint64_t{entries_.size()});
  for (const Entry& entry : entries_) {
    AppendText(head, entry.key);
    Append(head, static_cast<uint32_t>(entry.type));
    head += entry.bytes;
  }
  uint64_t offset = 0;
  std::set<std::string_view> names;
  for (const Tensor& tensor : tensors_) {
    const auto bad = [&](const std::string& why) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", Shown(tensor.name), " ", why));
    };
    if (tensor.name.empty() || tensor.name.size() > 64) return bad("has a name of 0 or more than 64 bytes");
    if (!names.insert(tensor.name).second) return bad("was added twice");
    const GgmlType* type = FindGgmlType(tensor.ggml_type);
    if (type == nullptr) return bad(absl::StrCat("has unknown ggml type ", tensor.ggml_type));
    const auto size = SizeOf(tensor);
    if (!size.has_value()) {
      return bad(absl::StrCat("has a shape that type ", std::string(type->name), " cannot have"));
    }
    if (tensor.produce == nullptr && *size != tensor.bytes.size()) {
      return bad(absl::StrCat("has ", tensor.bytes.size(), " bytes, its shape needs ", *size));
    }
    AppendText(head, tensor.name);
    Append(head, static_cast<uint32_t>(tensor.shape.size()));
    for (const uint64_t n : tensor.shape) Append(head, n);
    Append(head, tensor.ggml_type);
    Append(head, offset);
    offsets.push_back(offset);
    offset = Padded(offset + *size, alignment_);
  }
  head.resize(Padded(head.size(), alignment_), '\0');
  return head;
}

absl::Status GgufWriter::Write(
    const std::function<absl::Status(uint64_t offset, std::span<const std::byte>)>& put) const {
  std::vector<uint64_t> offsets;
  LINNET_ASSIGN_OR_RETURN(const std::string head, Head(offsets));
  LINNET_RETURN_IF_ERROR(put(0, base::AsBytes(head)));
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor& tensor = tensors_[i];
    uint64_t at = head.size() + offsets[i];
    if (tensor.produce == nullptr) {
      LINNET_RETURN_IF_ERROR(put(at, tensor.bytes));
      continue;
    }
    const uint64_t size = SizeOf(tensor).value_or(0);  // Head has checked it
    uint64_t left = size;
    LINNET_RETURN_IF_ERROR(tensor.produce([&](std::span<const std::byte> part) {
      if (part.size() > left) return Misproduced(tensor.name, size - left + part.size(), size);
      const absl::Status status = put(at, part);
      at += part.size();
      left -= part.size();
      return status;
    }));
    if (left != 0) return Misproduced(tensor.name, size - left, size);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> GgufWriter::SizeBytes() const {
  std::vector<uint64_t> offsets;
  LINNET_ASSIGN_OR_RETURN(const std::string head, Head(offsets));
  if (tensors_.empty()) return head.size();
  return head.size() + offsets.back() + SizeOf(tensors_.back()).value_or(0);
}

absl::StatusOr<std::string> GgufWriter::Serialize() const {
  std::string file;
  LINNET_RETURN_IF_ERROR(Write([&](uint64_t offset, std::span<const std::byte> bytes) {
    file.resize(offset, '\0');
    file.append(base::AsText(bytes));
    return absl::OkStatus();
  }));
  return file;
}

absl::Status GgufWriter::WriteTo(base::WritableFile& file) const {
  return Write(
      [&](uint64_t offset, std::span<const std::byte> bytes) { return file.WriteAt(offset, bytes); });
}

absl::Status GgufWriter::WriteTo(base::FileSystem& fs, const std::string& path) const {
  LINNET_RETURN_IF_ERROR(SizeBytes().status());  // before an old file is touched
  LINNET_ASSIGN_OR_RETURN(const auto file, fs.OpenForWrite(path, 0644));
  LINNET_RETURN_IF_ERROR(file->Truncate(0));
  LINNET_RETURN_IF_ERROR(WriteTo(*file));
  return file->Sync();
}

}  // namespace linnet::gguf
