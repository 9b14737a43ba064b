// The walk over a file that nobody vouches for. Rules that keep it bounded:
// 1. Nothing is read before Take() has seen that the file holds it; no sum of two file values is computed
//    unchecked.
// 2. A count is compared with the bytes that are left, at the least size an element can have, before anything
//    is allocated or looped over.
// 3. Arrays in arrays recurse at most kMostNesting deep.

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_impl.h"
#include "runtime/kernels/weight_types.h"

static_assert(std::endian::native == std::endian::little, "GGUF values are read as they lie");

namespace linnet::gguf {
namespace {

constexpr int kMostNesting = 4;            // no known model nests at all
constexpr uint64_t kMostKeyBytes = 65535;  // spec: 2^16 - 1
constexpr uint64_t kMostNameBytes = 64;    // spec
constexpr uint64_t kDefaultAlignment = 32;
constexpr uint64_t kMostAlignment = 1 << 20;
constexpr uint64_t kMostEntries = 1 << 20;  // keys, tensors: the largest models have some 10^2 and 10^4
constexpr uint64_t kReserved = 1024;        // what a claimed count may allocate before the entries were seen
// Key: length 8, one byte, type 4, value 1. Tensor: length 8, one byte, dimensions 4, one of 8, type 4,
// offset 8.
constexpr uint64_t kLeastEntryBytes = 14;
constexpr uint64_t kLeastTensorBytes = 33;

}  // namespace

class Reader {
 public:
  using Impl = ModelFile::Impl;

  explicit Reader(Impl& file) : file_(file), bytes_(file.bytes) {}

  absl::Status ReadAll() {
    LINNET_RETURN_IF_ERROR(ReadHead());
    LINNET_RETURN_IF_ERROR(ReadMetadata());
    LINNET_RETURN_IF_ERROR(ReadTensors());
    return PlaceTensors();
  }

  static absl::StatusOr<std::unique_ptr<GgufFile>> Read(std::string path,
                                                        std::unique_ptr<base::MappedFile> mapping,
                                                        std::span<const std::byte> bytes) {
    auto impl = std::make_unique<Impl>();
    impl->path = std::move(path);
    impl->mapping = std::move(mapping);
    impl->bytes = bytes;
    LINNET_RETURN_IF_ERROR(Reader(*impl).ReadAll());
    return std::unique_ptr<GgufFile>(new GgufFile(std::move(impl)));
  }

  static absl::StatusOr<std::unique_ptr<ModelFile>> Read(ModelFile::Parts parts) {
    auto impl = std::make_unique<Impl>();
    impl->path = std::move(parts.path);
    impl->mapping = std::move(parts.mapping);
    impl->bytes = parts.bytes;
    impl->tokenizer_tables = parts.tokenizer_tables;
    impl->tensors = std::move(parts.tensors);
    Reader reader(*impl);
    reader.at_ = static_cast<uint64_t>(parts.metadata.data() - parts.bytes.data());
    reader.bytes_ = parts.bytes.first(reader.at_ + parts.metadata.size());
    reader.key_count_ = parts.key_count;
    LINNET_RETURN_IF_ERROR(reader.ReadParts());
    return std::unique_ptr<ModelFile>(new ModelFile(std::move(impl)));
  }

 private:
  uint64_t Left() const { return bytes_.size() - at_; }

  absl::Status ReadParts() {
    LINNET_RETURN_IF_ERROR(CheckCount(at_, key_count_, "keys", kLeastEntryBytes));
    LINNET_RETURN_IF_ERROR(ReadMetadata());
    if (Left() != 0) return Bad(at_, absl::StrCat(Left(), " bytes follow the last key"));
    for (TensorInfo& tensor : file_.tensors) {
      LINNET_RETURN_IF_ERROR(SetType(tensor, absl::StrCat("tensor ", Shown(tensor.name))).status());
    }
    return IndexNames();
  }

  absl::Status Bad(uint64_t at, const std::string& what) const {
    return absl::DataLossError(absl::StrCat(file_.path, ": at byte ", at, ": ", what));
  }

  absl::StatusOr<std::span<const std::byte>> Take(uint64_t size, const std::string& what) {
    if (size > Left()) {
      return Bad(at_, absl::StrCat(what, " needs ", size, " bytes, but only ", Left(),
                                   " are left: the file is cut short or damaged"));
    }
    const auto taken = bytes_.subspan(at_, size);
    at_ += size;
    return taken;
  }

  template <typename T>
  absl::StatusOr<T> Number(const std::string& what) {
    LINNET_ASSIGN_OR_RETURN(const auto bytes, Take(sizeof(T), what));
    return Load<T>(bytes.data());
  }

  absl::StatusOr<std::string_view> Text(const std::string& what) {
    LINNET_ASSIGN_OR_RETURN(const uint64_t size, Number<uint64_t>(absl::StrCat("the length of ", what)));
    LINNET_ASSIGN_OR_RETURN(const auto bytes, Take(size, what));
    return base::AsText(bytes);
  }

  absl::Status ReadHead() {
    const auto bytes = bytes_;
    if (bytes.size() < 4 || base::AsText(bytes.first(4)) != "GGUF") {
      return absl::DataLossError(absl::StrCat(
          file_.path, ": is not a GGUF file: it must begin with the letters GGUF",
          bytes.size() < 4 ? absl::StrCat(", but it has only ", bytes.size(), " bytes") : std::string(),
          "; name a .gguf model file"));
    }
    at_ = 4;
    LINNET_ASSIGN_OR_RETURN(file_.version, Number<uint32_t>("the version"));
    if (file_.version != 0 && (file_.version & 0xffff) == 0) {
      return absl::UnimplementedError(absl::StrCat(
          file_.path, ": is a big-endian GGUF file (version ", __builtin_bswap32(file_.version),
          "); only little-endian files are supported: convert it again for a little-endian machine"));
    }
    if (file_.version != 2 && file_.version != 3) {
      return absl::UnimplementedError(absl::StrCat(file_.path, ": is GGUF version ", file_.version,
                                                   "; versions 2 and 3 are supported: convert it again"));
    }
    LINNET_ASSIGN_OR_RETURN(tensor_count_, Number<uint64_t>("the number of tensors"));
    LINNET_ASSIGN_OR_RETURN(key_count_, Number<uint64_t>("the number of keys"));
    LINNET_RETURN_IF_ERROR(CheckCount(16, key_count_, "keys", kLeastEntryBytes));
    return CheckCount(8, tensor_count_, "tensors", kLeastTensorBytes);
  }

  absl::Status CheckCount(uint64_t at, uint64_t count, const std::string& of, uint64_t least_bytes) const {
    if (count <= std::min(kMostEntries, Left() / least_bytes)) return absl::OkStatus();
    return Bad(at, absl::StrCat("the file claims ", count, " ", of, ", but the ", Left(),
                                " bytes that follow hold at most ", Left() / least_bytes, ", and more than ",
                                kMostEntries, " are refused"));
  }

  absl::Status ReadMetadata() {
    file_.metadata.reserve(std::min(key_count_, kReserved));
    for (uint64_t i = 0; i < key_count_; ++i) {
      const uint64_t start = at_;
      LINNET_ASSIGN_OR_RETURN(const std::string_view key, Text(absl::StrCat("the name of key ", i)));
      if (key.empty() || key.size() > kMostKeyBytes) {
        return Bad(start, absl::StrCat("the name of key ", i, " has ", key.size(), " bytes, expected 1 to ",
                                       kMostKeyBytes));
      }
      const std::string what = absl::StrCat("key ", Shown(key));
      if (!file_.keys.emplace(key, i).second) return Bad(start, absl::StrCat(what, " is there twice"));
      LINNET_ASSIGN_OR_RETURN(const ValueType type, ReadType(what));
      LINNET_ASSIGN_OR_RETURN(const Value value, ReadValue(type, what, 0));
      file_.metadata.emplace_back(key, value);
      if (key == "general.alignment") LINNET_RETURN_IF_ERROR(SetAlignment(value, start));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ValueType> ReadType(const std::string& what) {
    const uint64_t start = at_;
    LINNET_ASSIGN_OR_RETURN(const uint32_t type, Number<uint32_t>(absl::StrCat("the type of ", what)));
    if (type >= kValueTypeCount) {
      return Bad(start,
                 absl::StrCat(what, " has value type ", type, ", expected 0 to ", kValueTypeCount - 1));
    }
    return static_cast<ValueType>(type);
  }

  absl::StatusOr<Value> ReadValue(ValueType type, const std::string& what, int depth) {
    Value value{type, type, 0, {}};
    if (type == ValueType::kString) {
      LINNET_ASSIGN_OR_RETURN(const std::string_view text, Text(what));
      value.bytes = base::AsBytes(text);
    } else if (type == ValueType::kArray) {
      return ReadArray(what, depth);
    } else {
      const uint64_t start = at_;
      LINNET_ASSIGN_OR_RETURN(value.bytes, Take(FixedSizeBytes(type), what));
      if (type == ValueType::kBool) LINNET_RETURN_IF_ERROR(CheckBools(value.bytes, what, start));
    }
    return value;
  }

  absl::StatusOr<Value> ReadArray(const std::string& what, int depth) {
    const uint64_t head = at_;
    if (depth >= kMostNesting) {
      return Bad(head, absl::StrCat(what, " nests arrays more than ", kMostNesting, " deep"));
    }
    LINNET_ASSIGN_OR_RETURN(const ValueType element, ReadType(absl::StrCat("elements of ", what)));
    LINNET_ASSIGN_OR_RETURN(const uint64_t count,
                            Number<uint64_t>(absl::StrCat("the number of elements of ", what)));
    const size_t fixed = FixedSizeBytes(element);
    const uint64_t least = fixed != 0 ? fixed : element == ValueType::kString ? 8 : 12;
    if (count > Left() / least) {
      return Bad(head,
                 absl::StrCat(what, " claims ", count, " elements of type ",
                              std::string(ValueTypeName(element)), ", but only ", Left(), " bytes are left"));
    }
    const uint64_t start = at_;
    if (fixed != 0) {
      LINNET_ASSIGN_OR_RETURN(const auto bytes, Take(count * fixed, what));
      if (element == ValueType::kBool) LINNET_RETURN_IF_ERROR(CheckBools(bytes, what, start));
    } else {
      for (uint64_t i = 0; i < count; ++i) LINNET_RETURN_IF_ERROR(SkipElement(element, what, i, depth));
    }
    return Value{ValueType::kArray, element, count, bytes_.subspan(start, at_ - start)};
  }

  // One string or array inside an array. Names nothing unless it fails: vocabularies have 10^5 strings.
  absl::Status SkipElement(ValueType element, const std::string& what, uint64_t index, int depth) {
    if (element == ValueType::kString && Left() >= 8) {
      const auto size = Load<uint64_t>(bytes_.data() + at_);
      if (size <= Left() - 8) {
        at_ += 8 + size;
        return absl::OkStatus();
      }
    }
    return ReadValue(element, absl::StrCat("element ", index, " of ", what), depth + 1).status();
  }

  absl::Status CheckBools(std::span<const std::byte> bytes, const std::string& what, uint64_t start) const {
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] > std::byte{1}) {
        return Bad(start + i, absl::StrCat(what, " holds ", std::to_integer<int>(bytes[i]),
                                           " where a bool (0 or 1) is expected"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status SetAlignment(const Value& value, uint64_t start) {
    if (value.type != ValueType::kUint32) {
      return Bad(start, absl::StrCat("general.alignment is of type ", std::string(ValueTypeName(value.type)),
                                     ", expected uint32"));
    }
    alignment_ = Load<uint32_t>(value.bytes.data());
    if (alignment_ < 8 || alignment_ > kMostAlignment || !std::has_single_bit(alignment_)) {
      return Bad(start, absl::StrCat("general.alignment is ", alignment_,
                                     ", expected a power of two from 8 to ", kMostAlignment));
    }
    return absl::OkStatus();
  }

  absl::Status ReadTensors() {
    LINNET_RETURN_IF_ERROR(CheckCount(8, tensor_count_, "tensors", kLeastTensorBytes));
    file_.tensors.reserve(std::min(tensor_count_, kReserved));
    for (uint64_t i = 0; i < tensor_count_; ++i) LINNET_RETURN_IF_ERROR(ReadTensor(i));
    return IndexNames();
  }

  // Only when all tensors are there do their names stay where they are.
  absl::Status IndexNames() {
    for (size_t i = 0; i < file_.tensors.size(); ++i) {
      if (const std::string& name = file_.tensors[i].name; !file_.names.emplace(name, i).second) {
        return absl::DataLossError(absl::StrCat(file_.path, ": tensor ", Shown(name),
                                                " is there twice: entries ", file_.names[name], " and ", i));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadTensor(uint64_t index) {
    const uint64_t start = at_;
    LINNET_ASSIGN_OR_RETURN(const std::string_view name, Text(absl::StrCat("the name of tensor ", index)));
    if (name.empty() || name.size() > kMostNameBytes) {
      return Bad(start, absl::StrCat("the name of tensor ", index, " has ", name.size(),
                                     " bytes, expected 1 to ", kMostNameBytes));
    }
    const std::string what = absl::StrCat("tensor ", Shown(name));
    TensorInfo& tensor = file_.tensors.emplace_back();
    tensor.name = std::string(name);
    LINNET_ASSIGN_OR_RETURN(const uint32_t dimensions,
                            Number<uint32_t>(absl::StrCat("the dimensions of ", what)));
    if (dimensions < 1 || dimensions > 4) {
      return Bad(start, absl::StrCat(what, " has ", dimensions, " dimensions, expected 1 to 4"));
    }
    for (uint32_t d = 0; d < dimensions; ++d) {
      LINNET_ASSIGN_OR_RETURN(const uint64_t n, Number<uint64_t>(absl::StrCat("the shape of ", what)));
      tensor.shape.push_back(n);
    }
    LINNET_ASSIGN_OR_RETURN(tensor.ggml_type, Number<uint32_t>(absl::StrCat("the type of ", what)));
    LINNET_ASSIGN_OR_RETURN(const uint64_t offset, Number<uint64_t>(absl::StrCat("the offset of ", what)));
    offsets_.push_back(offset);
    return absl::OkStatus();
  }

  // Offsets count from the first aligned byte after the tensor list.
  absl::Status PlaceTensors() {
    if (file_.tensors.empty()) return absl::OkStatus();
    const uint64_t size = file_.bytes.size();
    const uint64_t base = (at_ + alignment_ - 1) / alignment_ * alignment_;
    for (size_t i = 0; i < offsets_.size(); ++i) {
      TensorInfo& tensor = file_.tensors[i];
      const std::string what = absl::StrCat("tensor ", Shown(tensor.name));
      LINNET_ASSIGN_OR_RETURN(const uint64_t bytes, SizeOf(tensor, what));
      if (offsets_[i] % alignment_ != 0) {
        return absl::DataLossError(absl::StrCat(file_.path, ": ", what, " is at offset ", offsets_[i],
                                                ", which is no multiple of the alignment ", alignment_));
      }
      if (base > size || offsets_[i] > size - base || bytes > size - base - offsets_[i]) {
        return absl::DataLossError(absl::StrCat(
            file_.path, ": ", what, " has ", bytes, " bytes at offset ", offsets_[i], " of the data at byte ",
            base, ", but the file has ", size, " bytes: it is cut short or damaged"));
      }
      tensor.data = file_.bytes.subspan(base + offsets_[i], bytes);
      tensor.offset_bytes = base + offsets_[i];
    }
    return CheckOverlap();
  }

  absl::StatusOr<const GgmlType*> SetType(TensorInfo& tensor, const std::string& what) const {
    const GgmlType* type = FindGgmlType(tensor.ggml_type);
    if (type == nullptr) {
      return absl::UnimplementedError(absl::StrCat(file_.path, ": ", what, " is of ggml type number ",
                                                   tensor.ggml_type, ", which this program does not know"));
    }
    tensor.type_name = type->name;
    if (const kernels::WeightTypeInfo* info = kernels::FindWeightType(tensor.ggml_type)) {
      tensor.supported = true;
      tensor.type = info->type;
    }
    return type;
  }

  absl::StatusOr<uint64_t> SizeOf(TensorInfo& tensor, const std::string& what) const {
    LINNET_ASSIGN_OR_RETURN(const GgmlType* type, SetType(tensor, what));
    const std::optional<uint64_t> bytes = TensorSizeBytes(*type, tensor.shape);
    if (!bytes.has_value()) {
      std::string shape;
      for (const uint64_t n : tensor.shape) absl::StrAppend(&shape, shape.empty() ? "" : ", ", n);
      return absl::DataLossError(absl::StrCat(file_.path, ": ", what, " of type ", std::string(type->name),
                                              " has shape [", shape, "]: expected entries >= 1, the first a ",
                                              "multiple of ", type->block, ", and less than 2^63 in all"));
    }
    return *bytes;
  }

  absl::Status CheckOverlap() const {
    std::vector<size_t> order(file_.tensors.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return offsets_[a] < offsets_[b]; });
    for (size_t i = 1; i < order.size(); ++i) {
      const TensorInfo& before = file_.tensors[order[i - 1]];
      const TensorInfo& after = file_.tensors[order[i]];
      if (before.data.data() + before.data.size() > after.data.data()) {
        return absl::DataLossError(absl::StrCat(file_.path, ": tensors ", Shown(before.name), " and ",
                                                Shown(after.name), " overlap at offset ",
                                                offsets_[order[i]]));
      }
    }
    return absl::OkStatus();
  }

  Impl& file_;
  std::span<const std::byte> bytes_;  // from the file's first to the last that may be read
  uint64_t at_ = 0;
  uint64_t key_count_ = 0;
  uint64_t tensor_count_ = 0;
  uint64_t alignment_ = kDefaultAlignment;
  std::vector<uint64_t> offsets_;
};

absl::StatusOr<std::unique_ptr<GgufFile>> GgufFile::Open(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(std::unique_ptr<base::MappedFile> mapping, fs.Map(path));
  return Take(path, std::move(mapping));
}

absl::StatusOr<std::unique_ptr<GgufFile>> GgufFile::Take(std::string name,
                                                         std::unique_ptr<base::MappedFile> bytes) {
  const auto view = bytes->bytes();
  return Reader::Read(std::move(name), std::move(bytes), view);
}

absl::StatusOr<std::unique_ptr<GgufFile>> GgufFile::Parse(std::string name,
                                                          std::span<const std::byte> bytes) {
  return Reader::Read(std::move(name), nullptr, bytes);
}

uint32_t GgufFile::version() const { return impl().version; }

absl::StatusOr<std::unique_ptr<ModelFile>> ModelFile::FromParts(Parts parts) {
  return Reader::Read(std::move(parts));
}

}  // namespace linnet::gguf
