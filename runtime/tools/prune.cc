#include "runtime/tools/prune.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/model/config.h"
#include "runtime/quant/quant.h"
#include "runtime/tools/measured_model.h"
#include "runtime/tools/prune_measure.h"
#include "runtime/tools/vocabulary_cut.h"

namespace linnet::tools {
namespace {

using gguf::TensorInfo;

// What SIMD kernels and block types like of a row's length.
constexpr uint32_t kChannelStep = 32;
constexpr size_t kPartBytes = 1 << 20;
// Keys of one value for all layers, or one a layer.
constexpr std::string_view kLayerKeys[] = {".attention.head_count", ".attention.head_count_kv",
                                           ".feed_forward_length", ".attention.sliding_window_pattern"};

// Hands rows of bytes on in larger parts.
class Buffer {
 public:
  explicit Buffer(const gguf::GgufWriter::Sink& sink) : sink_(sink) {}
  absl::Status Add(std::string_view bytes) {
    buffer_.append(bytes);
    return buffer_.size() < kPartBytes ? absl::OkStatus() : Flush();
  }
  absl::Status Flush() {
    const absl::Status status = sink_(base::AsBytes(buffer_));
    buffer_.clear();
    return status;
  }

 private:
  const gguf::GgufWriter::Sink& sink_;
  std::string buffer_;
};

uint64_t Rows(const TensorInfo& tensor) {
  return std::accumulate(tensor.shape.begin() + 1, tensor.shape.end(), uint64_t{1}, std::multiplies<>());
}

class Pruner {
 public:
  Pruner(MeasuredModel& model, const PruneOptions& options, PruneResult& result)
      : model_(model), file_(model.file()), options_(options), result_(result) {}

  absl::Status Plan(const Progress& progress);
  absl::Status Describe(gguf::GgufWriter& writer) const;
  absl::Status AddTensors(gguf::GgufWriter& writer);

 private:
  absl::Status ChooseLayers(const std::vector<double>& similarity);
  absl::Status ChooseChannels(const std::vector<std::vector<double>>& power);
  absl::StatusOr<std::vector<double>> Importance(uint32_t layer, const std::vector<double>& power) const;
  absl::Status CheckPlaces(const gguf::GgufWriter& writer) const;
  absl::Status AddLayerTensor(gguf::GgufWriter& writer, const TensorInfo& tensor, uint32_t old_layer,
                              std::string_view part);
  void AddRows(gguf::GgufWriter& writer, const std::string& name, const TensorInfo& tensor,
               const std::vector<uint32_t>& rows) const;
  void AddElements(gguf::GgufWriter& writer, const std::string& name, const TensorInfo& tensor,
                   const std::vector<uint32_t>& kept) const;
  void AddColumns(gguf::GgufWriter& writer, const std::string& name, const TensorInfo& tensor,
                  const std::vector<uint32_t>& cols) const;

  MeasuredModel& model_;
  const gguf::GgufFile& file_;
  const PruneOptions& options_;
  PruneResult& result_;
  std::vector<uint32_t> kept_layers_;
  std::vector<std::vector<uint32_t>> kept_channels_;  // by old layer; empty: all
  std::optional<VocabularyCut> cut_;
  std::vector<uint32_t> kept_tokens_;
};

absl::Status Pruner::Plan(const Progress& progress) {
  const model::Config& config = model_.config();
  result_.layers_before = config.layers;
  result_.ffn_before = result_.ffn_after = config.ffn;
  result_.vocabulary_before = result_.vocabulary_after =
      static_cast<uint32_t>(model_.tokenizer().vocabulary_size());
  PartMeasures measures;
  if (options_.keep_layers > 0 || options_.ffn_percent > 0) {
    if (options_.text.empty()) {
      return absl::InvalidArgumentError("layers and channels are chosen by a text: give --text-file");
    }
    LINNET_ASSIGN_OR_RETURN(measures, MeasureParts(model_, options_.text, progress));
    result_.similarity = measures.similarity;
  }
  LINNET_RETURN_IF_ERROR(ChooseLayers(measures.similarity));
  if (options_.ffn_percent > 0) LINNET_RETURN_IF_ERROR(ChooseChannels(measures.channel_power));
  if (options_.corpus.has_value()) {
    LINNET_ASSIGN_OR_RETURN(cut_, CutVocabulary(file_, model_.tokenizer(), *options_.corpus));
    kept_tokens_.assign(cut_->kept.begin(), cut_->kept.end());
    result_.vocabulary_after = static_cast<uint32_t>(cut_->kept.size());
    result_.scripts = cut_->scripts;
  }
  return absl::OkStatus();
}

absl::Status Pruner::ChooseLayers(const std::vector<double>& similarity) {
  const uint32_t layers = model_.config().layers;
  std::set<uint32_t> drop(options_.drop_layers.begin(), options_.drop_layers.end());
  if (options_.keep_layers > 0) {
    if (options_.keep_layers > layers) {
      return absl::InvalidArgumentError(
          absl::StrCat("--layers ", options_.keep_layers, ": the model has only ", layers));
    }
    for (const uint32_t l : LayersToDrop(similarity, layers - options_.keep_layers)) drop.insert(l);
  }
  if (!drop.empty() && (*drop.rbegin() >= layers || drop.size() >= layers)) {
    return absl::InvalidArgumentError(absl::StrCat("--drop-layers: expected some of 0 to ", layers - 1,
                                                   ", not all, found ", absl::StrJoin(drop, ",")));
  }
  result_.dropped_layers.assign(drop.begin(), drop.end());
  for (uint32_t l = 0; l < layers; ++l) {
    if (!drop.contains(l)) kept_layers_.push_back(l);
  }
  result_.layers_after = static_cast<uint32_t>(kept_layers_.size());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> Pruner::Importance(uint32_t layer,
                                                       const std::vector<double>& power) const {
  LINNET_ASSIGN_OR_RETURN(const TensorInfo* down,
                          file_.RequireTensor(absl::StrCat("blk.", layer, ".ffn_down.weight")));
  std::vector<double> importance(power.size(), 0.0);
  const uint64_t rows = Rows(*down), row_bytes = down->data.size() / rows;
  for (uint64_t r = 0; r < rows; ++r) {
    const auto row = quant::Dequantize(down->type, down->data.subspan(r * row_bytes, row_bytes));
    for (size_t i = 0; i < row.size(); ++i) importance[i] += static_cast<double>(row[i]) * row[i];
  }
  for (size_t i = 0; i < power.size(); ++i) importance[i] *= power[i];
  return importance;
}

absl::Status Pruner::ChooseChannels(const std::vector<std::vector<double>>& power) {
  const uint32_t ffn = model_.config().ffn;
  if (file_.GetUint(absl::StrCat(model_.config().architecture, ".feed_forward_length")).value_or(0) != ffn) {
    return absl::UnimplementedError(
        absl::StrCat(file_.path(), ": feed_forward_length differs by layer: --ffn cannot cut it"));
  }
  uint32_t step = kChannelStep;
  for (uint32_t l = 0; l < model_.config().layers; ++l) {
    LINNET_ASSIGN_OR_RETURN(const TensorInfo* down,
                            file_.RequireTensor(absl::StrCat("blk.", l, ".ffn_down.weight")));
    const uint32_t block = static_cast<uint32_t>(quant::BlockValues(down->type));
    step = std::max(step, block);
    result_.rounded_again |= block > 1;
  }
  const double wanted = ffn * (1.0 - options_.ffn_percent / 100.0);
  const auto steps = static_cast<uint32_t>(std::lround(wanted / step));
  result_.ffn_after = std::min(ffn, std::max(steps, 1u) * step);
  kept_channels_.resize(model_.config().layers);
  for (uint32_t l = 0; l < model_.config().layers; ++l) {
    LINNET_ASSIGN_OR_RETURN(const std::vector<double> importance, Importance(l, power[l]));
    kept_channels_[l] = ChannelsToKeep(importance, result_.ffn_after);
  }
  return absl::OkStatus();
}

absl::Status Pruner::Describe(gguf::GgufWriter& writer) const {
  const std::string& architecture = model_.config().architecture;
  writer.CopyMetadata(file_);
  if (result_.layers_after != result_.layers_before) {
    writer.SetUint32(architecture + ".block_count", result_.layers_after);
    for (const std::string_view end : kLayerKeys) {
      const std::string key = architecture + std::string(end);
      const auto stored = file_.GetStored(key);
      if (!stored.ok() || stored->type != gguf::ValueType::kArray || stored->count != result_.layers_before) {
        continue;
      }
      if (stored->element == gguf::ValueType::kBool) {
        std::vector<bool> values;
        for (const uint32_t l : kept_layers_) values.push_back(stored->bytes[12 + l] != 0);
        writer.SetBoolArray(key, values);
      } else {
        LINNET_ASSIGN_OR_RETURN(const auto old, file_.GetIntArray(key));
        std::vector<int32_t> values;
        for (const uint32_t l : kept_layers_) values.push_back(static_cast<int32_t>(old[l]));
        writer.SetInt32Array(key, values);
      }
    }
    LINNET_RETURN_IF_ERROR(CheckPlaces(writer));
  }
  if (result_.ffn_after != result_.ffn_before) {
    writer.SetUint32(architecture + ".feed_forward_length", result_.ffn_after);
  }
  return cut_.has_value() ? ApplyVocabularyCut(file_, *cut_, writer) : absl::OkStatus();
}

// Where what a layer does follows from its number (windows, RoPE), each must do at its new place what it did.
absl::Status Pruner::CheckPlaces(const gguf::GgufWriter& writer) const {
  LINNET_ASSIGN_OR_RETURN(const std::string head, writer.Serialize());
  LINNET_ASSIGN_OR_RETURN(const auto shorter, gguf::GgufFile::Parse(file_.path(), base::AsBytes(head)));
  LINNET_ASSIGN_OR_RETURN(const model::Config config, model::ReadConfig(*shorter));
  for (size_t l = 0; l < kept_layers_.size(); ++l) {
    const model::LayerPlan &now = config.plan[l], &then = model_.config().plan[kept_layers_[l]];
    if (now.mixer == then.mixer && now.rope == then.rope && now.window == then.window) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        file_.path(), ": in family ", config.architecture,
        " what a layer does follows from its number: layer ", kept_layers_[l], " cannot become layer ", l,
        "; drop whole periods of layers (--drop-layers), or the last ones"));
  }
  return absl::OkStatus();
}

void Pruner::AddRows(gguf::GgufWriter& writer, const std::string& name, const TensorInfo& tensor,
                     const std::vector<uint32_t>& rows) const {
  const uint64_t row_bytes = tensor.data.size() / Rows(tensor);
  std::vector<uint64_t> shape = {tensor.shape[0], rows.size()};
  writer.AddTensorProduced(
      name, tensor.ggml_type, std::move(shape),
      [&tensor, rows, row_bytes](const gguf::GgufWriter::Sink& sink) {
        Buffer buffer(sink);
        for (const uint32_t row : rows) {
          LINNET_RETURN_IF_ERROR(buffer.Add(base::AsText(tensor.data.subspan(row * row_bytes, row_bytes))));
        }
        return buffer.Flush();
      });
}

void Pruner::AddElements(gguf::GgufWriter& writer, const std::string& name, const TensorInfo& tensor,
                         const std::vector<uint32_t>& kept) const {
  const uint64_t size = tensor.data.size() / tensor.shape[0];
  std::string bytes;
  for (const uint32_t i : kept) bytes.append(base::AsText(tensor.data.subspan(i * size, size)));
  writer.AddTensor(name, tensor.type, {kept.size()}, std::move(bytes));
}

void Pruner::AddColumns(gguf::GgufWriter& writer, const std::string& name, const TensorInfo& tensor,
                        const std::vector<uint32_t>& cols) const {
  const uint64_t rows = Rows(tensor);
  writer.AddTensorProduced(
      name, tensor.ggml_type, {cols.size(), rows}, [&tensor, cols, rows](const gguf::GgufWriter::Sink& sink) {
        const uint64_t row_bytes = tensor.data.size() / rows;
        Buffer buffer(sink);
        std::vector<float> kept(cols.size());
        for (uint64_t r = 0; r < rows; ++r) {
          const auto row = quant::Dequantize(tensor.type, tensor.data.subspan(r * row_bytes, row_bytes));
          for (size_t i = 0; i < cols.size(); ++i) kept[i] = row[cols[i]];
          LINNET_RETURN_IF_ERROR(buffer.Add(quant::Quantize(tensor.type, kept)));
        }
        return buffer.Flush();
      });
}

absl::Status Pruner::AddLayerTensor(gguf::GgufWriter& writer, const TensorInfo& tensor, uint32_t old_layer,
                                    std::string_view part) {
  const auto place = std::lower_bound(kept_layers_.begin(), kept_layers_.end(), old_layer);
  if (place == kept_layers_.end() || *place != old_layer) return absl::OkStatus();
  const std::string name = absl::StrCat("blk.", place - kept_layers_.begin(), ".", std::string(part));
  const uint32_t ffn = result_.ffn_before;
  if (!kept_channels_.empty() && part.starts_with("ffn_") && part.find("norm") == std::string_view::npos) {
    std::vector<uint32_t> kept = kept_channels_[old_layer];
    const bool in = part.starts_with("ffn_gate.") || part.starts_with("ffn_up.");
    const uint64_t length = tensor.shape.back();  // rows, or elements of a bias
    if (in && length == uint64_t{2} * ffn) {      // the rows of gate, then those of up
      for (size_t i = 0; i < result_.ffn_after; ++i) kept.push_back(kept[i] + ffn);
    }
    LINNET_RETURN_IF_ERROR(file_.RequireTensor(tensor.name).status());
    if (in && tensor.shape.size() == 1) {
      AddElements(writer, name, tensor, kept);
    } else if (in) {
      AddRows(writer, name, tensor, kept);
    } else if (part == "ffn_down.weight") {
      AddColumns(writer, name, tensor, kept);
    } else {
      writer.AddTensorView(name, tensor.ggml_type, tensor.shape, tensor.data);  // ffn_down.bias
    }
    return absl::OkStatus();
  }
  writer.AddTensorView(name, tensor.ggml_type, tensor.shape, tensor.data);
  return absl::OkStatus();
}

absl::Status Pruner::AddTensors(gguf::GgufWriter& writer) {
  for (const TensorInfo& tensor : file_.tensors()) {
    const std::string_view name = tensor.name;
    uint32_t layer = 0;
    const size_t dot = name.starts_with("blk.") ? name.find('.', 4) : std::string_view::npos;
    if (dot != std::string_view::npos && absl::SimpleAtoi(base::ToAbsl(name.substr(4, dot - 4)), &layer)) {
      LINNET_RETURN_IF_ERROR(AddLayerTensor(writer, tensor, layer, name.substr(dot + 1)));
    } else if (cut_.has_value() && (name == "token_embd.weight" || name == "output.weight")) {
      AddRows(writer, tensor.name, tensor, kept_tokens_);
    } else if (cut_.has_value() && name == "output.bias") {
      AddElements(writer, tensor.name, tensor, kept_tokens_);
    } else {
      writer.AddTensorView(tensor.name, tensor.ggml_type, tensor.shape, tensor.data);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PruneResult> Prune(base::FileSystem& fs, const std::string& in, const OutputFile& out,
                                  const PruneOptions& options, const Progress& progress) {
  LINNET_RETURN_IF_ERROR(CheckOutput(fs, out, {in}));
  LINNET_ASSIGN_OR_RETURN(
      const auto model,
      MeasuredModel::Load(fs, in, {.context_tokens = options.context_tokens, .threads = options.threads}));
  PruneResult result;
  Pruner pruner(*model, options, result);
  LINNET_RETURN_IF_ERROR(pruner.Plan(progress));
  gguf::GgufWriter writer;
  LINNET_RETURN_IF_ERROR(pruner.Describe(writer));
  LINNET_RETURN_IF_ERROR(pruner.AddTensors(writer));
  result.bytes_before = model->file().size_bytes();
  LINNET_ASSIGN_OR_RETURN(result.bytes_after, writer.SizeBytes());
  LINNET_RETURN_IF_ERROR(WriteModel(fs, writer, out));
  return result;
}

}  // namespace linnet::tools
