#include "runtime/tools/quantize.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/thread_pool.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/pack/packed_file.h"
#include "runtime/quant/quant.h"
#include "runtime/tools/imatrix.h"
#include "runtime/tools/quantize_rule.h"

namespace linnet::tools {
namespace {

using gguf::GgmlType;
using gguf::TensorInfo;
using kernels::WeightType;

// Of the format of block types, which has been the same since 2023 (ggml.h GGML_QNT_VERSION).
constexpr uint32_t kQuantizationVersion = 2;
// Weights that are in memory as floats at once.
constexpr uint64_t kMostValues = uint64_t{1} << 22;

bool IsFloat(const GgmlType& type) { return type.name == "F32" || type.name == "F16" || type.name == "BF16"; }
WeightType WeightTypeOf(const GgmlType& type) { return static_cast<WeightType>(type.id); }

// `pattern` somewhere in `text`; '*' stands for anything.
bool Contains(std::string_view text, std::string_view pattern) {
  while (true) {
    const size_t star = pattern.find('*');
    const std::string_view part = pattern.substr(0, star);
    const size_t at = text.find(part);
    if (at == std::string_view::npos) return false;
    if (star == std::string_view::npos) return true;
    text.remove_prefix(at + part.size());
    pattern.remove_prefix(star + 1);
  }
}

// One tensor's way into the new file.
struct Job {
  const TensorInfo* tensor;
  const GgmlType* to;  // null: as it is
  std::vector<float> importance;
  QuantizedTensor* report;
};

class Quantizer {
 public:
  Quantizer(const gguf::GgufFile& file, const QuantizeOptions& options, QuantizeResult& result,
            const Progress& progress)
      : file_(file),
        options_(options),
        result_(result),
        progress_(progress),
        pool_(options.threads > 0 ? std::min(options.threads, 64) : base::PhysicalCores()) {}

  absl::Status Plan(const ImportanceMatrix& importance);
  absl::Status Describe(gguf::GgufWriter& writer, const ImportanceMatrix& importance) const;
  void AddTensors(gguf::GgufWriter& writer);

 private:
  absl::StatusOr<const GgmlType*> WantedType(const TensorInfo& tensor) const;
  absl::Status PlanTensor(const TensorInfo& tensor, const ImportanceMatrix& importance);
  absl::Status Convert(const Job& job, const gguf::GgufWriter::Sink& sink);
  absl::Status ConvertRows(const Job& job, uint64_t first, uint64_t rows, std::string& bytes, double& squares,
                           double& errors) const;

  const gguf::GgufFile& file_;
  const QuantizeOptions& options_;
  QuantizeResult& result_;
  const Progress& progress_;
  base::ThreadPool pool_;
  std::optional<QuantizeRule> rule_;
  bool tied_ = false;
  std::vector<Job> jobs_;
  uint64_t done_ = 0;  // elements
};

absl::Status Quantizer::Plan(const ImportanceMatrix& importance) {
  LINNET_ASSIGN_OR_RETURN(const std::string_view architecture, file_.GetString("general.architecture"));
  const auto number = [&](const char* key, uint64_t otherwise) {
    return file_.GetUint(absl::StrCat(std::string(architecture), key)).value_or(otherwise);
  };
  tied_ = file_.FindTensor("output.weight") == nullptr;
  const uint64_t heads = number(".attention.head_count", 1);
  const uint64_t kv_heads = std::max<uint64_t>(number(".attention.head_count_kv", heads), 1);
  const ModelShape shape = {.layers = static_cast<uint32_t>(number(".block_count", 0)),
                            .heads_per_kv_head = static_cast<uint32_t>(heads / kv_heads),
                            .tied = tied_,
                            .importance = !importance.entries.empty()};
  LINNET_ASSIGN_OR_RETURN(rule_, QuantizeRule::Create(options_.type, shape, options_.pure));
  result_.kind = std::string(rule_->kind());
  result_.tensors.reserve(file_.tensors().size());  // jobs point into it
  for (const TensorInfo& tensor : file_.tensors()) LINNET_RETURN_IF_ERROR(PlanTensor(tensor, importance));
  return absl::OkStatus();
}

absl::StatusOr<const GgmlType*> Quantizer::WantedType(const TensorInfo& tensor) const {
  for (const auto& [pattern, type] : options_.tensor_types) {
    if (Contains(tensor.name, pattern)) return ParseTensorType(type);
  }
  const bool head = tensor.name == "output.weight" || (tied_ && tensor.name == "token_embd.weight");
  if (head && !options_.output_type.empty()) return ParseTensorType(options_.output_type);
  return &rule_->TypeOf(tensor.name, tensor.shape[0]);
}

absl::Status Quantizer::PlanTensor(const TensorInfo& tensor, const ImportanceMatrix& importance) {
  QuantizedTensor& report = result_.tensors.emplace_back();
  report.name = tensor.name;
  report.from = report.to = report.wanted = tensor.type_name;
  report.elements = 1;
  for (const uint64_t n : tensor.shape) report.elements *= n;
  report.bytes_before = report.bytes_after = tensor.data.size();
  result_.parameters += report.elements;
  result_.tensor_bytes_before += report.bytes_before;
  Job job = {&tensor, nullptr, {}, &report};
  if (Quantizable(tensor.name, tensor.shape)) {
    LINNET_ASSIGN_OR_RETURN(const GgmlType* wanted, WantedType(tensor));
    const GgmlType& fitting = Fitting(*wanted, tensor.shape[0]);
    report.wanted = wanted->name;
    report.to = fitting.name;
    if (fitting.id != tensor.ggml_type) {
      LINNET_RETURN_IF_ERROR(file_.RequireTensor(tensor.name).status());  // else its weights cannot be read
      const GgmlType* from = gguf::FindGgmlType(tensor.ggml_type);
      if (!IsFloat(*from) && fitting.name != "F32" && !options_.allow_requantize) {
        return absl::FailedPreconditionError(absl::StrCat(
            file_.path(), ": tensor ", tensor.name, " is ", std::string(from->name),
            " already: to quantize again loses more than once; take the F16 or BF16 file, or say "
            "--allow-requantize"));
      }
      job.to = &fitting;
      if (fitting.block > 1) {
        LINNET_ASSIGN_OR_RETURN(job.importance, importance.Of(tensor.name, tensor.shape[0]));
        if (job.importance.empty() && !importance.entries.empty() && tensor.name.starts_with("blk.")) {
          ++result_.without_importance;
        }
      }
      report.bytes_after = *gguf::TensorSizeBytes(fitting, tensor.shape);
    }
  }
  result_.tensor_bytes_after += report.bytes_after;
  jobs_.push_back(std::move(job));
  return absl::OkStatus();
}

absl::Status Quantizer::Describe(gguf::GgufWriter& writer, const ImportanceMatrix& importance) const {
  writer.CopyMetadata(file_);
  writer.SetUint32("general.file_type", rule_->file_type());
  writer.RemoveKey("general.quantization_version");
  if (std::any_of(result_.tensors.begin(), result_.tensors.end(),
                  [](const QuantizedTensor& t) { return gguf::FindGgmlTypeByName(t.to)->block > 1; })) {
    writer.SetUint32("general.quantization_version", kQuantizationVersion);
  }
  if (importance.entries.empty()) return absl::OkStatus();
  writer.SetString("quantize.imatrix.file", options_.imatrix.substr(options_.imatrix.rfind('/') + 1));
  writer.SetString("quantize.imatrix.dataset", importance.dataset);
  writer.SetUint32("quantize.imatrix.entries_count", static_cast<uint32_t>(importance.entries.size()));
  writer.SetUint32("quantize.imatrix.chunks_count", importance.chunks);
  return absl::OkStatus();
}

void Quantizer::AddTensors(gguf::GgufWriter& writer) {
  for (const Job& job : jobs_) {
    const TensorInfo& tensor = *job.tensor;
    writer.AddTensorProduced(tensor.name, job.to == nullptr ? tensor.ggml_type : job.to->id, tensor.shape,
                             [this, &job](const gguf::GgufWriter::Sink& sink) { return Convert(job, sink); });
  }
}

absl::Status Quantizer::Convert(const Job& job, const gguf::GgufWriter::Sink& sink) {
  const TensorInfo& tensor = *job.tensor;
  if (progress_ != nullptr) progress_(done_, result_.parameters, tensor.name);
  if (job.to == nullptr) {
    done_ += job.report->elements;
    return sink(tensor.data);
  }
  const uint64_t cols = tensor.shape[0], rows = job.report->elements / cols;
  const uint64_t step = std::clamp<uint64_t>(kMostValues / cols, 1, rows);
  double squares = 0, errors = 0;
  for (uint64_t row = 0; row < rows; row += step) {
    const uint64_t count = std::min(step, rows - row);
    // Each thread has its own rows, so the bytes do not depend on their number. Sums are in row order.
    struct Part {
      std::string bytes;
      absl::Status status;
      double squares = 0, errors = 0;
    };
    std::vector<Part> parts(std::min<uint64_t>(count, 256));
    pool_.Run(parts.size(), 1, [&](size_t begin, size_t end) {
      for (size_t p = begin; p < end; ++p) {
        const uint64_t from = row + count * p / parts.size(), to = row + count * (p + 1) / parts.size();
        parts[p].status =
            ConvertRows(job, from, to - from, parts[p].bytes, parts[p].squares, parts[p].errors);
      }
    });
    std::string bytes;
    for (const Part& part : parts) {
      LINNET_RETURN_IF_ERROR(part.status);
      bytes += part.bytes;
      squares += part.squares;
      errors += part.errors;
    }
    LINNET_RETURN_IF_ERROR(sink(base::AsBytes(bytes)));
    done_ += count * cols;
    if (progress_ != nullptr) progress_(done_, result_.parameters, tensor.name);
  }
  if (options_.measure) {
    const auto n = static_cast<double>(job.report->elements);
    job.report->rms = std::sqrt(squares / n);
    job.report->rmse = std::sqrt(errors / n);
  }
  return absl::OkStatus();
}

absl::Status Quantizer::ConvertRows(const Job& job, uint64_t first, uint64_t rows, std::string& bytes,
                                    double& squares, double& errors) const {
  const TensorInfo& tensor = *job.tensor;
  const uint64_t row_bytes = tensor.data.size() / (job.report->elements / tensor.shape[0]);
  const std::vector<float> values =
      quant::Dequantize(tensor.type, tensor.data.subspan(first * row_bytes, rows * row_bytes));
  const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.end()) {
    return absl::DataLossError(absl::StrCat(
        file_.path(), ": tensor ", tensor.name, ": weight ",
        first * tensor.shape[0] + static_cast<uint64_t>(bad - values.begin()), " is not finite"));
  }
  bytes = quant::Quantize(WeightTypeOf(*job.to), values, job.importance);
  if (!options_.measure) return absl::OkStatus();
  const std::vector<float> back = quant::Dequantize(WeightTypeOf(*job.to), base::AsBytes(bytes));
  for (size_t i = 0; i < values.size(); ++i) {
    const double value = values[i], error = value - back[i];
    squares += value * value;
    errors += error * error;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<QuantizeResult> Quantize(base::FileSystem& fs, const std::string& in, const OutputFile& out,
                                        const QuantizeOptions& options, const Progress& progress) {
  LINNET_ASSIGN_OR_RETURN(const auto file, pack::OpenAsGguf(fs, in));
  if (!options.dry_run) LINNET_RETURN_IF_ERROR(CheckOutput(fs, out, {in, options.imatrix}));
  ImportanceMatrix importance;
  if (!options.imatrix.empty()) {
    LINNET_ASSIGN_OR_RETURN(importance, ImportanceMatrix::Read(fs, options.imatrix));
  }
  QuantizeResult result;
  Quantizer quantizer(*file, options, result, progress);
  LINNET_RETURN_IF_ERROR(quantizer.Plan(importance));
  gguf::GgufWriter writer;
  LINNET_RETURN_IF_ERROR(quantizer.Describe(writer, importance));
  quantizer.AddTensors(writer);
  result.bytes_before = file->size_bytes();
  LINNET_ASSIGN_OR_RETURN(result.bytes_after, writer.SizeBytes());
  if (!options.dry_run) LINNET_RETURN_IF_ERROR(WriteModel(fs, writer, out));
  return result;
}

}  // namespace linnet::tools
