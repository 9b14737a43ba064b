#include "runtime/tools/merge_lora.h"

#include <cmath>
#include <map>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/model/lora.h"
#include "runtime/pack/packed_file.h"
#include "runtime/quant/quant.h"

namespace linnet::tools {
namespace {

using gguf::TensorInfo;
using kernels::WeightType;
using LoraAdapter = ::linnet::model::LoraAdapter;

WeightType MergedType(const TensorInfo& tensor) {
  return quant::BlockValues(tensor.type) == 1 ? tensor.type : WeightType::kF16;
}

// Row `row` of W + scale * B A.
std::string MergedRow(const LoraAdapter::Pair& pair, size_t row) {
  const TensorInfo& tensor = *pair.target;
  const size_t row_bytes = tensor.data.size() / pair.rows;
  std::vector<float> values = quant::Dequantize(tensor.type, tensor.data.subspan(row * row_bytes, row_bytes));
  std::vector<double> change(pair.cols, 0.0);
  for (size_t r = 0; r < pair.rank; ++r) {
    const double b = pair.b[row * pair.rank + r];
    for (size_t i = 0; i < pair.cols; ++i) change[i] += b * static_cast<double>(pair.a[r * pair.cols + i]);
  }
  for (size_t i = 0; i < pair.cols; ++i) {
    values[i] =
        static_cast<float>(static_cast<double>(values[i]) + static_cast<double>(pair.scale) * change[i]);
  }
  return quant::Quantize(MergedType(tensor), values);
}

}  // namespace

absl::StatusOr<MergeLoraResult> MergeLora(base::FileSystem& fs, const std::string& model,
                                          const std::string& adapter, const OutputFile& out, float scale,
                                          const Progress& progress) {
  LINNET_RETURN_IF_ERROR(CheckOutput(fs, out, {model, adapter}));
  LINNET_ASSIGN_OR_RETURN(const auto file, pack::OpenAsGguf(fs, model));
  LINNET_ASSIGN_OR_RETURN(const auto changes, gguf::GgufFile::Open(fs, adapter));
  LINNET_ASSIGN_OR_RETURN(const auto lora, LoraAdapter::Load(*changes, *file, scale));
  std::map<const TensorInfo*, const LoraAdapter::Pair*> pairs;
  for (const LoraAdapter::Pair& pair : lora->pairs()) {
    LINNET_RETURN_IF_ERROR(file->RequireTensor(pair.target->name).status());
    pairs[pair.target] = &pair;
  }
  MergeLoraResult result;
  uint64_t rows_done = 0, rows_total = 0;
  for (const LoraAdapter::Pair& pair : lora->pairs()) rows_total += pair.rows;
  gguf::GgufWriter writer;
  writer.CopyMetadata(*file);
  for (const TensorInfo& tensor : file->tensors()) {
    const auto found = pairs.find(&tensor);
    if (found == pairs.end()) {
      writer.AddTensorView(tensor.name, tensor.ggml_type, tensor.shape, tensor.data);
      continue;
    }
    const LoraAdapter::Pair* changed = found->second;
    const WeightType type = MergedType(tensor);
    ++result.changed;
    if (type != tensor.type) ++result.to_f16;
    writer.AddTensorProduced(
        tensor.name, static_cast<uint32_t>(type), tensor.shape,
        [&, type, &pair = *changed](const gguf::GgufWriter::Sink& sink) {
          for (size_t row = 0; row < pair.rows; ++row) {
            const std::string bytes = MergedRow(pair, row);
            for (const float v : quant::Dequantize(type, base::AsBytes(bytes))) {
              if (std::isfinite(v)) continue;
              return absl::DataLossError(absl::StrCat(model, ": tensor ", pair.target->name, " row ", row,
                                                      " is not finite with the adapter"));
            }
            LINNET_RETURN_IF_ERROR(sink(base::AsBytes(bytes)));
            if (progress != nullptr) progress(++rows_done, rows_total, pair.target->name);
          }
          return absl::OkStatus();
        });
  }
  result.bytes_before = file->size_bytes();
  LINNET_ASSIGN_OR_RETURN(result.bytes_after, writer.SizeBytes());
  LINNET_RETURN_IF_ERROR(WriteModel(fs, writer, out));
  return result;
}

}  // namespace linnet::tools
