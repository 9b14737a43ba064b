#include "runtime/tools/imatrix.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/model/weights.h"
#include "runtime/quant/quant.h"
#include "runtime/tools/measured_model.h"

namespace linnet::tools {
namespace {

constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";
constexpr uint64_t kMostFileBytes = uint64_t{1} << 30;

class Collector final : public model::Observer {
 public:
  Collector(const MeasuredModel& model, ImportanceMatrix& into) : model_(model), into_(into) {}
  void OnProduct(const model::Matrix& matrix, const float* x, size_t tokens) override {
    const gguf::TensorInfo* tensor = model_.TensorAt(matrix.data);
    if (tensor == nullptr) return;
    ImportanceMatrix::Entry& entry = into_.entries[tensor->name];
    entry.sums.resize(matrix.cols);
    for (size_t t = 0; t < tokens; ++t) {
      const float* row = x + t * matrix.cols;
      for (size_t i = 0; i < matrix.cols; ++i) entry.sums[i] += static_cast<double>(row[i]) * row[i];
    }
    entry.count += tokens;
  }

 private:
  const MeasuredModel& model_;
  ImportanceMatrix& into_;
};

// A sum of squares, or the number of its terms.
bool IsSum(double value) { return std::isfinite(value) && value >= 0; }

absl::Status Bad(const std::string& path, const std::string& what) {
  return absl::DataLossError(absl::StrCat(path, ": ", what));
}

absl::StatusOr<std::vector<float>> Floats(const gguf::GgufFile& file, const gguf::TensorInfo& tensor) {
  if (tensor.ggml_type != static_cast<uint32_t>(kernels::WeightType::kF32)) {
    return Bad(file.path(), absl::StrCat("tensor ", gguf::Shown(tensor.name), " is of type ",
                                         std::string(tensor.type_name), ", expected F32"));
  }
  return quant::Dequantize(kernels::WeightType::kF32, tensor.data);
}

absl::StatusOr<ImportanceMatrix> FromGguf(const gguf::GgufFile& file) {
  if (const auto type = file.GetString("general.type"); !type.ok() || *type != "imatrix") {
    return Bad(file.path(), "is no importance matrix: general.type is not \"imatrix\"");
  }
  ImportanceMatrix matrix;
  if (const auto names = file.GetStringArray("imatrix.datasets"); names.ok() && !names->empty()) {
    matrix.dataset = std::string(names->front());
  }
  matrix.chunks = static_cast<uint32_t>(file.GetUint("imatrix.chunk_count").value_or(0));
  matrix.chunk_tokens = static_cast<uint32_t>(file.GetUint("imatrix.chunk_size").value_or(0));
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    const std::string_view name = tensor.name;
    if (!name.ends_with(kSums)) continue;
    const std::string of(name.substr(0, name.size() - kSums.size()));
    const gguf::TensorInfo* counted = file.FindTensor(absl::StrCat(of, std::string(kCounts)));
    if (counted == nullptr) {
      return Bad(file.path(), absl::StrCat("has ", tensor.name, " without its ", std::string(kCounts)));
    }
    LINNET_ASSIGN_OR_RETURN(const std::vector<float> sums, Floats(file, tensor));
    LINNET_ASSIGN_OR_RETURN(const std::vector<float> counts, Floats(file, *counted));
    if (counts.size() != 1) {
      return absl::UnimplementedError(
          absl::StrCat(file.path(), ": ", of, " is a stack of ", counts.size(),
                       " matrices (experts); only single matrices are supported"));
    }
    if (!IsSum(counts[0]) || !std::all_of(sums.begin(), sums.end(), IsSum)) {
      return Bad(file.path(), absl::StrCat(of, " holds a value that no sum of squares can be"));
    }
    matrix.entries[of] = {std::vector<double>(sums.begin(), sums.end()),
                          static_cast<uint64_t>(std::llround(counts[0]))};
  }
  if (matrix.entries.empty()) return Bad(file.path(), "has no entries");
  return matrix;
}

// llama-imatrix before 2025: int32 entries; each: int32 length, name, int32 calls, int32 values, float32 sums
// (already means times calls); then int32 chunks, int32 length, data set. Little-endian, no alignment.
class LegacyReader {
 public:
  LegacyReader(std::string path, std::string_view bytes) : path_(std::move(path)), left_(bytes) {}

  absl::StatusOr<ImportanceMatrix> Read() {
    ImportanceMatrix matrix;
    LINNET_ASSIGN_OR_RETURN(const uint32_t entries, Count("entries"));
    for (uint32_t i = 0; i < entries; ++i) {
      LINNET_ASSIGN_OR_RETURN(const uint32_t length, Count("the length of a name"));
      LINNET_ASSIGN_OR_RETURN(const std::string_view name, Take(length, "a name"));
      LINNET_ASSIGN_OR_RETURN(const uint32_t calls, Count("calls"));
      LINNET_ASSIGN_OR_RETURN(const uint32_t values, Count("values"));
      LINNET_ASSIGN_OR_RETURN(const std::string_view bytes, Take(uint64_t{values} * 4, "values"));
      std::vector<float> sums(values);
      if (!sums.empty()) std::memcpy(sums.data(), bytes.data(), bytes.size());
      if (!std::all_of(sums.begin(), sums.end(), IsSum)) {
        return Bad(path_, absl::StrCat(gguf::Shown(name), " holds a value that no sum of squares can be"));
      }
      matrix.entries[std::string(name)] = {std::vector<double>(sums.begin(), sums.end()), calls};
    }
    if (matrix.entries.empty()) return Bad(path_, "has no entries");
    if (left_.empty()) return matrix;
    LINNET_ASSIGN_OR_RETURN(matrix.chunks, Count("chunks"));
    if (left_.empty()) return matrix;
    LINNET_ASSIGN_OR_RETURN(const uint32_t length, Count("the length of the data set's name"));
    LINNET_ASSIGN_OR_RETURN(const std::string_view name, Take(length, "the data set's name"));
    matrix.dataset = std::string(name);
    return matrix;
  }

 private:
  absl::StatusOr<std::string_view> Take(uint64_t size, const char* what) {
    if (size > left_.size()) {
      return Bad(path_, absl::StrCat("is no importance matrix (neither GGUF nor the older format): ", what,
                                     " would need ", size, " bytes, ", left_.size(), " are left"));
    }
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  absl::StatusOr<uint32_t> Count(const char* what) {
    LINNET_ASSIGN_OR_RETURN(const std::string_view bytes, Take(4, what));
    int32_t value = 0;
    std::memcpy(&value, bytes.data(), 4);
    if (value < 0) return Bad(path_, absl::StrCat("is no importance matrix: ", value, " ", what));
    return static_cast<uint32_t>(value);
  }

  std::string path_;
  std::string_view left_;
};

}  // namespace

absl::StatusOr<std::vector<float>> ImportanceMatrix::Of(std::string_view tensor, uint64_t cols) const {
  const auto found = entries.find(tensor);
  if (found == entries.end() || found->second.count == 0) return std::vector<float>();
  const Entry& entry = found->second;
  if (entry.sums.size() != cols) {
    return absl::FailedPreconditionError(absl::StrCat("the importance matrix has ", entry.sums.size(),
                                                      " columns for ", gguf::Shown(tensor), ", the model ",
                                                      cols, ": it is of another model"));
  }
  std::vector<float> means(cols);
  bool any = false;
  for (size_t i = 0; i < means.size(); ++i) {
    means[i] = static_cast<float>(entry.sums[i] / static_cast<double>(entry.count));
    any |= means[i] > 0;
  }
  if (!any) means.clear();
  return means;
}

absl::StatusOr<ImportanceMatrix> ImportanceMatrix::Read(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const std::string bytes, fs.ReadFile(path, kMostFileBytes));
  if (!bytes.starts_with("GGUF")) return LegacyReader(path, bytes).Read();
  LINNET_ASSIGN_OR_RETURN(const auto file, gguf::GgufFile::Parse(path, base::AsBytes(bytes)));
  return FromGguf(*file);
}

absl::Status ImportanceMatrix::Write(base::FileSystem& fs, const OutputFile& output) const {
  gguf::GgufWriter writer;
  writer.SetString("general.type", "imatrix");
  writer.SetStringArray("imatrix.datasets", {dataset});
  writer.SetUint32("imatrix.chunk_count", chunks);
  writer.SetUint32("imatrix.chunk_size", chunk_tokens);
  for (const auto& [name, entry] : entries) {
    const std::vector<float> sums(entry.sums.begin(), entry.sums.end());
    const std::vector<float> count = {static_cast<float>(entry.count)};
    constexpr auto kF32 = kernels::WeightType::kF32;
    writer.AddTensor(absl::StrCat(name, std::string(kSums)), kF32, {sums.size(), 1},
                     quant::Quantize(kF32, sums));
    writer.AddTensor(absl::StrCat(name, std::string(kCounts)), kF32, {1, 1}, quant::Quantize(kF32, count));
  }
  return WriteModel(fs, writer, output);
}

absl::StatusOr<ImportanceMatrix> CollectImatrix(base::FileSystem& fs, const std::string& model,
                                                std::string_view text, const ImatrixOptions& options,
                                                const Progress& progress) {
  LINNET_ASSIGN_OR_RETURN(const auto measured, MeasuredModel::Load(fs, model,
                                                                   {.context_tokens = options.context_tokens,
                                                                    .most_chunks = options.most_chunks,
                                                                    .threads = options.threads}));
  ImportanceMatrix matrix;
  Collector collector(*measured, matrix);
  LINNET_ASSIGN_OR_RETURN(matrix.chunks, measured->Run(text, collector, progress));
  matrix.chunk_tokens = measured->context_tokens();
  // A model that overflows would spoil every quantizer that trusts this.
  for (const auto& [name, entry] : matrix.entries) {
    if (!std::all_of(entry.sums.begin(), entry.sums.end(), IsSum)) {
      return absl::DataLossError(absl::StrCat(model, ": what goes into ", name, " is not finite"));
    }
  }
  return matrix;
}

}  // namespace linnet::tools
