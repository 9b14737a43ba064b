#include "runtime/tools/synth.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/exact_math.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/thread_pool.h"
#include "runtime/gguf/gguf_types.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/quant/quant.h"
#include "runtime/tools/known_shapes.h"
#include "runtime/tools/quantize_rule.h"
#include "runtime/tools/synth_vocabulary.h"

namespace linnet::tools {
namespace {

using gguf::GgmlType;
using kernels::WeightType;

constexpr uint32_t kQuantizationVersion = 2;  // ggml.h GGML_QNT_VERSION
constexpr uint32_t kMostLayers = 1024;
// Weights that are in memory as floats at once.
constexpr uint64_t kMostValues = uint64_t{1} << 22;

// Numbers that follow from seed and place alone (SplitMix64: Steele, Lea, Flood, "Fast splittable
// pseudorandom number generators", 2014).
class Noise {
 public:
  Noise(uint64_t seed, uint64_t tensor, uint64_t row) : state_(Mix(Mix(seed) + tensor) + row) {}

  // Near to normal, mean 0, variance 1: the sum of four even ones.
  float Next() {
    state_ += 0x9e3779b97f4a7c15u;
    const uint64_t bits = Mix(state_);
    int32_t sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<int32_t>(bits >> (16 * i) & 0xffff);
    // Each has variance 2^32 / 12.
    constexpr float kScale = std::numbers::sqrt3_v<float> / 65536.0f;
    return static_cast<float>(sum - 2 * 65535) * kScale;
  }

 private:
  static uint64_t Mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
  }
  uint64_t state_;
};

// value = middle + spread * noise
struct Plan {
  std::string name;
  std::vector<uint64_t> shape;
  const GgmlType* type;
  float middle, spread;
  std::vector<float> values = {};  // instead of noise
};

class Synthesizer {
 public:
  Synthesizer(const KnownShape& shape, const QuantizeRule& rule, const SynthOptions& options,
              const Progress& progress)
      : shape_(shape),
        rule_(rule),
        options_(options),
        progress_(progress),
        pool_(options.threads > 0 ? std::min(options.threads, 64) : base::PhysicalCores()) {}

  void PlanTensors();
  absl::Status Describe(gguf::GgufWriter& writer) const;
  void AddTensors(gguf::GgufWriter& writer);
  void Report(SynthResult& result) const;

 private:
  void Matrix(std::string name, uint64_t cols, uint64_t rows, float gain = 1.0f);
  void Vector(std::string name, uint64_t n, float middle, float spread);
  void PlanLayer(uint32_t layer);
  void PlanRopeFactors();
  absl::Status Produce(size_t index, const gguf::GgufWriter::Sink& sink);
  std::string Rows(size_t index, uint64_t first, uint64_t rows) const;

  const KnownShape& shape_;
  const QuantizeRule& rule_;
  const SynthOptions& options_;
  const Progress& progress_;
  base::ThreadPool pool_;
  std::vector<Plan> plans_;
  uint64_t parameters_ = 0, done_ = 0;
};

uint64_t Elements(const std::vector<uint64_t>& shape) {
  uint64_t n = 1;
  for (const uint64_t length : shape) n *= length;
  return n;
}

void Synthesizer::Matrix(std::string name, uint64_t cols, uint64_t rows, float gain) {
  std::vector<uint64_t> shape = {cols, rows};
  const GgmlType& type = Fitting(rule_.TypeOf(name, cols), cols);
  parameters_ += Elements(shape);
  plans_.push_back(
      {std::move(name), std::move(shape), &type, 0.0f, gain / std::sqrt(static_cast<float>(cols))});
}

void Synthesizer::Vector(std::string name, uint64_t n, float middle, float spread) {
  parameters_ += n;
  plans_.push_back({std::move(name), {n}, gguf::FindGgmlTypeByName("F32"), middle, spread});
}

void Synthesizer::PlanLayer(uint32_t layer) {
  const auto name = [&](const char* part) { return absl::StrCat("blk.", layer, ".", part); };
  const uint64_t dim = shape_.dim, ffn = shape_.ffn;
  const uint64_t q = uint64_t{shape_.heads} * shape_.head_dim,
                 kv = uint64_t{shape_.kv_heads} * shape_.head_dim;
  // What a layer adds to the residual stream: all of them together as much as the embedding.
  const float added = 1.0f / std::sqrt(2.0f * static_cast<float>(shape_.layers));
  const auto norm = [&](const char* part, uint64_t n) { Vector(name(part), n, 1.0f, 0.05f); };
  norm("attn_norm.weight", dim);
  Matrix(name("attn_q.weight"), dim, q);
  Matrix(name("attn_k.weight"), dim, kv);
  Matrix(name("attn_v.weight"), dim, kv);
  if (shape_.qkv_bias) {
    Vector(name("attn_q.bias"), q, 0.0f, 0.2f);
    Vector(name("attn_k.bias"), kv, 0.0f, 0.2f);
    Vector(name("attn_v.bias"), kv, 0.0f, 0.2f);
  }
  if (shape_.qk_norm) {
    norm("attn_q_norm.weight", shape_.head_dim);
    norm("attn_k_norm.weight", shape_.head_dim);
  }
  Matrix(name("attn_output.weight"), q, dim, added);
  if (shape_.post_norms) norm("post_attention_norm.weight", dim);
  norm("ffn_norm.weight", dim);
  Matrix(name("ffn_gate.weight"), dim, ffn);
  Matrix(name("ffn_up.weight"), dim, ffn);
  Matrix(name("ffn_down.weight"), ffn, dim, added);
  if (shape_.post_norms) norm("post_ffw_norm.weight", dim);
}

// Llama 3.1 and later: long waves are stretched by 32, short ones not, those between in part. Source:
// llama-models (Meta), apply_scaling, with the numbers of Llama-3.2-1B's rope_scaling.
void Synthesizer::PlanRopeFactors() {
  constexpr double kFactor = 32.0, kLow = 1.0, kHigh = 4.0, kOriginalContext = 8192.0;
  Plan plan = {"rope_freqs.weight", {shape_.head_dim / 2}, gguf::FindGgmlTypeByName("F32"), 0.0f, 0.0f};
  for (uint32_t i = 0; i < shape_.head_dim / 2; ++i) {
    const double turns = 2.0 * i / shape_.head_dim;
    const double wave = 2.0 * std::numbers::pi * base::ExactPow(static_cast<double>(shape_.rope_base), turns);
    double divisor = 1.0;
    if (wave > kOriginalContext / kLow) {
      divisor = kFactor;
    } else if (wave > kOriginalContext / kHigh) {
      const double smooth = (kOriginalContext / wave - kLow) / (kHigh - kLow);
      divisor = 1.0 / ((1.0 - smooth) / kFactor + smooth);
    }
    plan.values.push_back(static_cast<float>(divisor));
  }
  parameters_ += plan.values.size();
  plans_.push_back(std::move(plan));
}

void Synthesizer::PlanTensors() {
  if (shape_.llama3_rope) PlanRopeFactors();
  Matrix("token_embd.weight", shape_.dim, shape_.vocabulary);
  for (uint32_t layer = 0; layer < shape_.layers; ++layer) PlanLayer(layer);
  Vector("output_norm.weight", shape_.dim, 1.0f, 0.05f);
}

absl::Status Synthesizer::Describe(gguf::GgufWriter& writer) const {
  const std::string architecture(shape_.architecture);
  const auto set = [&](const char* key, uint32_t value) {
    writer.SetUint32(absl::StrCat(architecture, ".", key), value);
  };
  writer.SetString("general.architecture", architecture);
  writer.SetString("general.name", absl::StrCat(std::string(shape_.name), " (random weights)"));
  writer.SetUint32("general.file_type", rule_.file_type());
  if (rule_.base().block > 1) writer.SetUint32("general.quantization_version", kQuantizationVersion);
  set("context_length", shape_.context_tokens);
  set("embedding_length", shape_.dim);
  set("block_count", shape_.layers);
  set("feed_forward_length", shape_.ffn);
  set("attention.head_count", shape_.heads);
  set("attention.head_count_kv", shape_.kv_heads);
  set("attention.key_length", shape_.head_dim);
  set("attention.value_length", shape_.head_dim);
  set("rope.dimension_count", shape_.head_dim);
  set("vocab_size", shape_.vocabulary);
  if (shape_.window > 0) set("attention.sliding_window", shape_.window);
  writer.SetFloat32(absl::StrCat(architecture, ".rope.freq_base"), shape_.rope_base);
  writer.SetFloat32(absl::StrCat(architecture, ".attention.layer_norm_rms_epsilon"), shape_.epsilon);
  return SetVocabulary(*shape_.tokens, shape_.vocabulary, writer);
}

void Synthesizer::AddTensors(gguf::GgufWriter& writer) {
  for (size_t i = 0; i < plans_.size(); ++i) {
    writer.AddTensorProduced(plans_[i].name, plans_[i].type->id, plans_[i].shape,
                             [this, i](const gguf::GgufWriter::Sink& sink) { return Produce(i, sink); });
  }
}

std::string Synthesizer::Rows(size_t index, uint64_t first, uint64_t rows) const {
  const Plan& plan = plans_[index];
  const uint64_t cols = plan.shape[0];
  std::vector<float> values(plan.values);
  if (values.empty()) {
    values.reserve(rows * cols);
    for (uint64_t row = first; row < first + rows; ++row) {
      Noise noise(options_.seed, index, row);
      for (uint64_t col = 0; col < cols; ++col) values.push_back(plan.middle + plan.spread * noise.Next());
    }
  }
  return quant::Quantize(static_cast<WeightType>(plan.type->id), values);
}

absl::Status Synthesizer::Produce(size_t index, const gguf::GgufWriter::Sink& sink) {
  const Plan& plan = plans_[index];
  const uint64_t cols = plan.shape[0], rows = Elements(plan.shape) / cols;
  const uint64_t step = std::clamp<uint64_t>(kMostValues / cols, 1, rows);
  for (uint64_t row = 0; row < rows; row += step) {
    if (progress_ != nullptr) progress_(done_, parameters_, plan.name);
    const uint64_t count = std::min(step, rows - row);
    std::vector<std::string> parts(std::min<uint64_t>(count, 256));
    pool_.Run(parts.size(), 1, [&](size_t begin, size_t end) {
      for (size_t p = begin; p < end; ++p) {
        const uint64_t from = row + count * p / parts.size(), to = row + count * (p + 1) / parts.size();
        parts[p] = Rows(index, from, to - from);
      }
    });
    for (const std::string& part : parts) LINNET_RETURN_IF_ERROR(sink(base::AsBytes(part)));
    done_ += count * cols;
  }
  return absl::OkStatus();
}

void Synthesizer::Report(SynthResult& result) const {
  result.shape = shape_.name;
  result.kind = rule_.kind();
  result.parameters = parameters_;
  for (const Plan& plan : plans_) {
    result.tensors.push_back(
        {plan.name, plan.shape, plan.type->name, *gguf::TensorSizeBytes(*plan.type, plan.shape)});
  }
}

absl::StatusOr<KnownShape> ShapeOf(const SynthOptions& options) {
  const KnownShape* known = FindShape(options.shape);
  if (known == nullptr) {
    std::vector<std::string> names;
    for (const KnownShape& shape : KnownShapes()) names.emplace_back(shape.name);
    return absl::InvalidArgumentError(absl::StrCat("shape ", gguf::Shown(options.shape),
                                                   " is not known; expected ", absl::StrJoin(names, ", ")));
  }
  KnownShape shape = *known;
  if (options.layers > kMostLayers) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.layers, " layers: expected at most ", kMostLayers));
  }
  if (options.layers > 0) shape.layers = options.layers;
  if (options.vocabulary > 0) shape.vocabulary = options.vocabulary;
  return shape;
}

}  // namespace

absl::StatusOr<SynthResult> Synth(base::FileSystem& fs, const OutputFile& out, const SynthOptions& options,
                                  const Progress& progress) {
  LINNET_ASSIGN_OR_RETURN(const KnownShape shape, ShapeOf(options));
  const ModelShape model = {
      .layers = shape.layers, .heads_per_kv_head = shape.heads / shape.kv_heads, .tied = true};
  LINNET_ASSIGN_OR_RETURN(const QuantizeRule rule, QuantizeRule::Create(options.type, model, false));
  if (!options.dry_run) LINNET_RETURN_IF_ERROR(CheckOutput(fs, out, {}));
  Synthesizer synthesizer(shape, rule, options, progress);
  synthesizer.PlanTensors();
  gguf::GgufWriter writer;
  LINNET_RETURN_IF_ERROR(synthesizer.Describe(writer));
  synthesizer.AddTensors(writer);
  SynthResult result;
  synthesizer.Report(result);
  LINNET_ASSIGN_OR_RETURN(result.bytes, writer.SizeBytes());
  if (!options.dry_run) LINNET_RETURN_IF_ERROR(WriteModel(fs, writer, out));
  return result;
}

}  // namespace linnet::tools
