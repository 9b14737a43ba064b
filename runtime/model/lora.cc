#include "runtime/model/lora.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"
#include "runtime/kernels/tiles.h"
#include "runtime/quant/quant.h"

namespace linnet::model {
namespace {

constexpr std::string_view kA = ".lora_a", kB = ".lora_b";

absl::Status CheckHead(const gguf::ModelFile& file, const gguf::ModelFile& base) {
  const auto text = [](const gguf::ModelFile& in, const char* key) {
    return std::string(in.GetString(key).value_or(""));
  };
  for (const auto& [key, wanted] :
       {std::pair("general.type", "adapter"), std::pair("adapter.type", "lora")}) {
    if (text(file, key) == wanted) continue;
    return absl::DataLossError(absl::StrCat(file.path(), ": is no LoRA adapter: ", key, " is ",
                                            gguf::Shown(text(file, key)), ", expected ", wanted));
  }
  const std::string of = text(file, "general.architecture"), is = text(base, "general.architecture");
  if (of != is) {
    return absl::InvalidArgumentError(absl::StrCat(file.path(), ": is an adapter of architecture ",
                                                   gguf::Shown(of), ", the model is ", gguf::Shown(is)));
  }
  if (file.Has("adapter.alora.invocation_tokens")) {
    return absl::UnimplementedError(absl::StrCat(
        file.path(), ": is an activated LoRA (adapter.alora.invocation_tokens), which is not supported"));
  }
  return absl::OkStatus();
}

std::string Shape(const gguf::TensorInfo& tensor) {
  return absl::StrCat("[", absl::StrJoin(tensor.shape, ", "), "]");
}

// Products are the only use of a tensor that a pair can change; rows that are looked up are not.
bool IsProduct(const gguf::TensorInfo& tensor) {
  const std::string_view name = tensor.name;
  return tensor.shape.size() == 2 && name.ends_with(".weight") && name != "token_embd.weight" &&
         name != "position_embd.weight" && name.find("_norm.") == std::string_view::npos &&
         name.find("shortconv.conv.") == std::string_view::npos &&
         name.find("ssm_conv1d.") == std::string_view::npos;
}

absl::StatusOr<std::vector<float>> Floats(const gguf::ModelFile& file, const gguf::TensorInfo& tensor) {
  LINNET_RETURN_IF_ERROR(file.RequireTensor(tensor.name).status());
  std::vector<float> values = quant::Dequantize(tensor.type, tensor.data);
  if (std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) return values;
  return absl::DataLossError(absl::StrCat(file.path(), ": tensor ", tensor.name, " is not finite"));
}

absl::StatusOr<LoraAdapter::Pair> LoadPair(const gguf::ModelFile& file, const gguf::ModelFile& base,
                                           const gguf::TensorInfo& a, const std::string& name) {
  const gguf::TensorInfo* b = file.FindTensor(absl::StrCat(name, std::string(kB)));
  if (b == nullptr) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": has ", a.name, " without its ", std::string(kB).substr(1)));
  }
  const gguf::TensorInfo* target = base.FindTensor(name);
  if (target == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.path(), ": changes tensor ", gguf::Shown(name),
                     ", which the model does not have: it is of another model"));
  }
  if (!IsProduct(*target)) {
    return absl::UnimplementedError(absl::StrCat(file.path(), ": changes tensor ", gguf::Shown(name),
                                                 ", which is no matrix that inputs are multiplied with; only "
                                                 "those are supported"));
  }
  const bool flat = a.shape.size() == 2 && b->shape.size() == 2;
  if (!flat || a.shape[0] != target->shape[0] || b->shape[1] != target->shape[1] ||
      a.shape[1] != b->shape[0]) {
    return absl::InvalidArgumentError(absl::StrCat(
        file.path(), ": ", gguf::Shown(name), ": lora_a is ", Shape(a), " and lora_b ", Shape(*b),
        ", expected [", target->shape[0], ", rank] and [rank, ", target->shape.back(), "]"));
  }
  LoraAdapter::Pair pair = {target, a.shape[1], a.shape[0], b->shape[1], 1.0F, {}, {}};
  LINNET_ASSIGN_OR_RETURN(pair.a, Floats(file, a));
  LINNET_ASSIGN_OR_RETURN(pair.b, Floats(file, *b));
  return pair;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoraAdapter>> LoraAdapter::Load(const gguf::ModelFile& file,
                                                               const gguf::ModelFile& base, float scale) {
  LINNET_RETURN_IF_ERROR(CheckHead(file, base));
  float alpha = 0.0F;
  if (const char* key = "adapter.lora.alpha"; file.Has(key)) {
    LINNET_ASSIGN_OR_RETURN(alpha, file.GetFloat(key));
    if (!std::isfinite(alpha)) {
      return absl::DataLossError(absl::StrCat(file.path(), ": ", key, " is not finite"));
    }
  }
  if (!std::isfinite(scale)) return absl::InvalidArgumentError("the adapter's scale is not finite");
  auto adapter = std::unique_ptr<LoraAdapter>(new LoraAdapter());
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    const std::string_view name = tensor.name;
    if (name.ends_with(kB)) {
      const std::string other = absl::StrCat(tensor.name.substr(0, name.size() - kB.size()), std::string(kA));
      if (file.FindTensor(other) != nullptr) continue;
      return absl::DataLossError(absl::StrCat(file.path(), ": has ", tensor.name, " without its lora_a"));
    }
    if (!name.ends_with(kA)) {
      return absl::UnimplementedError(absl::StrCat(file.path(), ": tensor ", gguf::Shown(name),
                                                   " is no .lora_a or .lora_b; such adapters are not "
                                                   "supported"));
    }
    LINNET_ASSIGN_OR_RETURN(Pair pair,
                            LoadPair(file, base, tensor, tensor.name.substr(0, name.size() - kA.size())));
    pair.scale = scale * (alpha != 0.0F ? alpha / static_cast<float>(pair.rank) : 1.0F);
    adapter->pairs_.push_back(std::move(pair));
  }
  if (adapter->pairs_.empty()) return absl::DataLossError(absl::StrCat(file.path(), ": changes nothing"));
  std::sort(adapter->pairs_.begin(), adapter->pairs_.end(),
            [](const Pair& x, const Pair& y) { return x.target->data.data() < y.target->data.data(); });
  return adapter;
}

LoraAdapter::Part LoraAdapter::Of(const Matrix& matrix) const {
  auto after =
      std::upper_bound(pairs_.begin(), pairs_.end(), matrix.data,
                       [](const std::byte* at, const Pair& p) { return at < p.target->data.data(); });
  if (after == pairs_.begin()) return {};
  const Pair& pair = *--after;
  const auto offset = static_cast<size_t>(matrix.data - pair.target->data.data());
  if (offset >= pair.target->data.size()) return {};
  if (!matrix.tiled) return {&pair, offset / matrix.row_bytes};
  const size_t tile_bytes = TileBytes(*kernels::FindTileFormat(matrix.type), matrix.cols);
  return {&pair, offset / tile_bytes * kernels::kTileRows + matrix.first_row};
}

}  // namespace linnet::model
