#include "tests/support/tiny_families.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "tests/support/tiny_model.h"
#include "tests/support/tiny_tensors.h"

namespace linnet::testing {
namespace {

using Names = std::vector<std::string>;

bool OneOf(const std::string& name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What tensors an architecture's files have; see the modelling code of each.
struct Shape {
  explicit Shape(const TinyFamily& f)
      : layer_norm(OneOf(f.architecture, {"phi2", "stablelm", "gpt2", "starcoder2", "gptneox", "falcon"})),
        gated(!OneOf(f.architecture, {"phi2", "gpt2", "starcoder2", "gptneox", "falcon"})),
        pre_norms(!OneOf(f.architecture, {"olmo2", "exaone4"})),
        post_norms(OneOf(f.architecture, {"gemma2", "gemma3", "olmo2", "exaone4"})),
        ffn_norm(!f.Has("parallel")),
        qkv_bias(OneOf(f.architecture, {"qwen2", "phi2", "gpt2", "starcoder2", "gptneox"}) ||
                 f.Has("biases")),
        block_bias(OneOf(f.architecture, {"phi2", "gpt2", "starcoder2", "gptneox"}) || f.Has("biases")),
        fused_qkv(OneOf(f.architecture, {"phi3", "gpt2", "gptneox", "falcon"})) {}
  bool layer_norm, gated, pre_norms, post_norms, ffn_norm, qkv_bias, block_bias, fused_qkv;
};

class Writer {
 public:
  Writer(const TinyFamily& family, const TinyFamilyOptions& options)
      : f_(family), shape_(family), tensors_(options.type, options.seed, writer_) {}

  std::string Bytes() {
    Metadata();
    AddTinyVocabulary(writer_);
    Tensors();
    auto bytes = writer_.Serialize();
    LINNET_CHECK(bytes.ok());
    return *std::move(bytes);
  }

 private:
  std::string Key(const std::string& key) const { return f_.architecture + "." + key; }

  void Metadata() {
    writer_.SetString("general.architecture", f_.architecture);
    writer_.SetString("general.name", "tiny " + f_.name);
    writer_.SetUint32(Key("context_length"), f_.context_tokens);
    writer_.SetUint32(Key("embedding_length"), f_.dim);
    writer_.SetUint32(Key("block_count"), f_.layers);
    writer_.SetUint32(Key("feed_forward_length"), f_.ffn);
    writer_.SetUint32(Key("attention.head_count"), f_.heads);
    writer_.SetUint32(Key("vocab_size"), kTinyVocabulary);
    if (OneOf(f_.architecture, {"lfm2", "granitehybrid"})) {
      std::vector<int32_t> kv_heads;
      for (uint32_t l = 0; l < f_.layers; ++l)
        kv_heads.push_back(Convolves(l) || Scans(l) ? 0 : static_cast<int32_t>(f_.kv_heads));
      writer_.SetInt32Array(Key("attention.head_count_kv"), kv_heads);
    } else {
      writer_.SetUint32(Key("attention.head_count_kv"), f_.kv_heads);
    }
    if (f_.head_dim != f_.dim / f_.heads) {
      writer_.SetUint32(Key("attention.key_length"), f_.head_dim);
      writer_.SetUint32(Key("attention.value_length"), f_.head_dim);
    }
    writer_.SetFloat32(
        Key(shape_.layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"), 1e-5F);
    for (const auto& [key, value] : f_.uints) writer_.SetUint32(Key(key), value);
    for (const auto& [key, value] : f_.floats) writer_.SetFloat32(Key(key), value);
    for (const auto& [key, value] : f_.strings) writer_.SetString(Key(key), value);
    for (const auto& [key, value] : f_.bools) writer_.SetBool(Key(key), value);
    for (const auto& [key, value] : f_.bool_lists) writer_.SetBoolArray(Key(key), value);
  }

  bool Convolves(uint32_t layer) const { return f_.architecture == "lfm2" && layer % 3 != 2; }

  bool Scans(uint32_t layer) const { return f_.architecture == "granitehybrid" && layer % 3 != 1; }

  void Norm(const std::string& name) {
    tensors_.Norm(name + ".weight", f_.dim, 0.5F);
    if (shape_.layer_norm) Bias(name, f_.dim);
  }
  void Bias(const std::string& name, uint64_t n) { tensors_.Vector(name + ".bias", {n}, 0.0F, 0.3F); }

  void Qkv(const std::string& block) {
    const uint64_t q = uint64_t{f_.heads} * f_.head_dim, kv = uint64_t{f_.kv_heads} * f_.head_dim;
    const std::vector<std::pair<std::string, uint64_t>> parts =
        shape_.fused_qkv
            ? std::vector<std::pair<std::string, uint64_t>>{{"attn_qkv", q + 2 * kv}}
            : std::vector<std::pair<std::string, uint64_t>>{{"attn_q", q}, {"attn_k", kv}, {"attn_v", kv}};
    for (const auto& [name, rows] : parts) {
      tensors_.Matrix(block + name + ".weight", f_.dim, rows);
      if (shape_.qkv_bias) Bias(block + name, rows);
    }
    for (const auto& [name, heads] :
         {std::pair("attn_q_norm", f_.heads), std::pair("attn_k_norm", f_.kv_heads)}) {
      const std::string norm = block + name + ".weight";
      const uint64_t d = f_.head_dim;
      if (OneOf(f_.architecture, {"qwen3", "gemma3", "lfm2", "exaone4", "hunyuan-dense"}))
        tensors_.Norm(norm, d, 0.5F);
      if (f_.architecture == "olmo2") tensors_.Norm(norm, d * heads, 0.5F);
      if (f_.architecture == "stablelm" && f_.Has("qk-norm")) tensors_.Vector(norm, {d, heads}, 1.0F, 0.5F);
    }
    tensors_.Matrix(block + "attn_output.weight", q, f_.dim);
    if (shape_.block_bias) Bias(block + "attn_output", f_.dim);
  }

  void Mamba2(const std::string& block) {
    const uint64_t taps = f_.uints.at("ssm.conv_kernel"), inner = f_.uints.at("ssm.inner_size");
    const uint64_t heads = f_.uints.at("ssm.time_step_rank"), groups = f_.uints.at("ssm.group_count");
    const uint64_t channels = inner + 2 * groups * f_.uints.at("ssm.state_size");
    tensors_.Matrix(block + "ssm_in.weight", f_.dim, inner + channels + heads);
    tensors_.Vector(block + "ssm_conv1d.weight", {taps, channels}, 0.0F, 0.7F);
    Bias(block + "ssm_conv1d", channels);
    Bias(block + "ssm_dt", heads);
    tensors_.Vector(block + "ssm_a", {1, heads}, -1.0F, 0.9F);  // -exp(A_log)
    tensors_.Vector(block + "ssm_d", {1, heads}, 1.0F, 0.5F);
    tensors_.Vector(block + "ssm_norm.weight", {inner / groups, groups}, 1.0F, 0.5F);
    tensors_.Matrix(block + "ssm_out.weight", inner, f_.dim);
  }

  void Ffn(const std::string& block) {
    const uint64_t up = f_.architecture == "phi3" ? 2 * uint64_t{f_.ffn} : f_.ffn;
    tensors_.Matrix(block + "ffn_up.weight", f_.dim, up);
    if (shape_.block_bias) Bias(block + "ffn_up", up);
    if (shape_.gated && f_.architecture != "phi3") {
      tensors_.Matrix(block + "ffn_gate.weight", f_.dim, f_.ffn);
      if (shape_.block_bias) Bias(block + "ffn_gate", f_.ffn);
    }
    tensors_.Matrix(block + "ffn_down.weight", f_.ffn, f_.dim);
    if (shape_.block_bias) Bias(block + "ffn_down", f_.dim);
  }

  void Tensors() {
    tensors_.Matrix("token_embd.weight", f_.dim, kTinyVocabulary);
    if (f_.architecture == "gpt2") tensors_.Matrix("position_embd.weight", f_.dim, f_.context_tokens);
    for (uint32_t layer = 0; layer < f_.layers; ++layer) {
      const std::string block = absl::StrCat("blk.", layer, ".");
      if (shape_.pre_norms) Norm(block + "attn_norm");
      if (Convolves(layer)) {
        const uint64_t taps = f_.uints.at("shortconv.l_cache");
        tensors_.Matrix(block + "shortconv.in_proj.weight", f_.dim, 3 * uint64_t{f_.dim});
        tensors_.Vector(block + "shortconv.conv.weight", {taps, f_.dim}, 0.0F, 1.0F);
        tensors_.Matrix(block + "shortconv.out_proj.weight", f_.dim, f_.dim);
      } else if (Scans(layer)) {
        Mamba2(block);
      } else {
        Qkv(block);
      }
      if (shape_.pre_norms && shape_.ffn_norm) Norm(block + "ffn_norm");
      if (shape_.post_norms) {
        Norm(block + "post_attention_norm");
        Norm(block + "post_ffw_norm");
      }
      Ffn(block);
    }
    const uint64_t pairs =
        (f_.uints.contains("rope.dimension_count") ? f_.uints.at("rope.dimension_count") : f_.head_dim) / 2;
    if (f_.Has("rope-factors")) tensors_.Vector("rope_freqs.weight", {pairs}, 4.5F, 3.5F);
    if (f_.Has("long-factors")) {
      tensors_.Vector("rope_factors_long.weight", {pairs}, 6.0F, 5.0F);
      tensors_.Vector("rope_factors_short.weight", {pairs}, 1.5F, 0.5F);
    }
    Norm(f_.architecture == "lfm2" ? "token_embd_norm" : "output_norm");
    if (!f_.tied) tensors_.Matrix("output.weight", f_.dim, kTinyVocabulary);
    if (f_.architecture == "phi2") Bias("output", kTinyVocabulary);
  }

  const TinyFamily& f_;
  const Shape shape_;
  gguf::GgufWriter writer_;
  TinyTensors tensors_;
};

}  // namespace

bool TinyFamily::Has(const std::string& option) const { return OneOf(option, options); }

std::vector<TinyFamily> TinyFamilies() {
  const std::string window = "attention.sliding_window";
  return {
      {.name = "llama", .architecture = "llama", .head_dim = 20},
      {.name = "llama-biases", .architecture = "llama", .tied = false, .options = {"biases"}},
      {.name = "llama3",
       .architecture = "llama",
       .floats = {{"rope.freq_base", 500000.0F}},
       .options = {"rope-factors"}},
      {.name = "llama-linear",
       .architecture = "llama",
       .floats = {{"rope.scaling.factor", 4.0F}},
       .strings = {{"rope.scaling.type", "linear"}}},
      {.name = "mistral", .architecture = "llama", .head_dim = 20, .tied = false, .uints = {{window, 21}}},
      {.name = "mistral3",
       .architecture = "mistral3",
       .head_dim = 20,
       .uints = {{"rope.scaling.original_context_length", 32}},
       .floats = {{"rope.scaling.factor", 8.0F},
                  {"rope.scaling.yarn_log_multiplier", 0.7F},
                  {"rope.scaling.yarn_beta_fast", 16.0F},
                  {"rope.scaling.yarn_beta_slow", 0.5F},
                  {"attention.temperature_scale", 0.4F}},
       .strings = {{"rope.scaling.type", "yarn"}}},
      {.name = "smollm3", .architecture = "smollm3", .layers = 5, .floats = {{"rope.freq_base", 2e6F}}},
      {.name = "qwen2", .architecture = "qwen2", .floats = {{"rope.freq_base", 1e6F}}},
      {.name = "qwen2-yarn",
       .architecture = "qwen2",
       .tied = false,
       .uints = {{"rope.scaling.original_context_length", 64}},
       .floats = {{"rope.scaling.factor", 4.0F}, {"rope.freq_base", 1000.0F}},
       .strings = {{"rope.scaling.type", "yarn"}}},
      {.name = "qwen2-window", .architecture = "qwen2", .uints = {{window, 21}}},
      {.name = "qwen3", .architecture = "qwen3", .head_dim = 24, .floats = {{"rope.freq_base", 1e6F}}},
      {.name = "gemma", .architecture = "gemma", .kv_heads = 1, .head_dim = 32},
      {.name = "gemma2",
       .architecture = "gemma2",
       .head_dim = 24,
       .uints = {{window, 21}},
       .floats = {{"attn_logit_softcapping", 2.0F}, {"final_logit_softcapping", 3.0F}}},
      {.name = "gemma3",
       .architecture = "gemma3",
       .layers = 7,
       .kv_heads = 1,
       .head_dim = 32,
       .uints = {{window, 21}},
       .floats = {{"rope.freq_base", 1e6F}}},
      {.name = "gemma3-linear",
       .architecture = "gemma3",
       .layers = 7,
       .uints = {{window, 40}},
       .floats = {{"rope.freq_base", 1e6F}, {"rope.freq_base_swa", 5000.0F}, {"rope.scaling.factor", 8.0F}},
       .strings = {{"rope.scaling.type", "linear"}}},
      {.name = "gemma3-pattern",
       .architecture = "gemma3",
       .layers = 5,
       .uints = {{window, 21}},
       .floats = {{"final_logit_softcapping", 3.0F}},
       .bool_lists = {{"attention.sliding_window_pattern", {true, false, false, true, true}}}},
      {.name = "phi2",
       .architecture = "phi2",
       .kv_heads = 4,
       .tied = false,
       .uints = {{"rope.dimension_count", 6}},
       .options = {"parallel"}},
      {.name = "phi3", .architecture = "phi3", .tied = false},
      {.name = "phi3-longrope",
       .architecture = "phi3",
       .tied = false,
       .uints = {{"rope.dimension_count", 12}, {"rope.scaling.original_context_length", 128}},
       .floats = {{"rope.scaling.attn_factor", 1.19F}},
       .options = {"long-factors"}},
      {.name = "granite",
       .architecture = "granite",
       .floats = {{"embedding_scale", 12.0F},
                  {"residual_scale", 0.22F},
                  {"attention.scale", 0.11F},
                  {"logit_scale", 8.0F}}},
      {.name = "granite-nope",
       .architecture = "granite",
       .tied = false,
       .floats = {{"logit_scale", 4.0F}},
       .bools = {{"rope.scaling.finetuned", false}}},
      {.name = "olmo2", .architecture = "olmo2", .tied = false, .floats = {{"rope.freq_base", 500000.0F}}},
      {.name = "olmo3",
       .architecture = "olmo2",
       .layers = 5,
       .tied = false,
       .uints = {{window, 21}, {"rope.scaling.original_context_length", 64}},
       .floats = {{"rope.scaling.factor", 8.0F}, {"rope.freq_base", 1000.0F}},
       .strings = {{"rope.scaling.type", "yarn"}}},
      {.name = "exaone", .architecture = "exaone", .head_dim = 20, .options = {"rope-factors"}},
      {.name = "exaone4",
       .architecture = "exaone4",
       .floats = {{"rope.freq_base", 1e6F}},
       .options = {"rope-factors"}},
      {.name = "exaone4-window",
       .architecture = "exaone4",
       .layers = 5,
       .tied = false,
       .uints = {{window, 21}}},
      {.name = "ernie4_5",
       .architecture = "ernie4_5",
       .head_dim = 24,
       .floats = {{"rope.freq_base", 500000.0F}}},
      {.name = "internlm2", .architecture = "internlm2", .tied = false, .floats = {{"rope.freq_base", 1e6F}}},
      {.name = "hunyuan",
       .architecture = "hunyuan-dense",
       .head_dim = 20,
       .floats = {{"rope.freq_base", 1.1e7F}}},
      {.name = "stablelm",
       .architecture = "stablelm",
       .kv_heads = 4,
       .tied = false,
       .uints = {{"rope.dimension_count", 4}}},
      {.name = "stablelm-parallel",
       .architecture = "stablelm",
       .tied = false,
       .uints = {{"rope.dimension_count", 4}},
       .options = {"parallel", "qk-norm"}},
      {.name = "gpt2", .architecture = "gpt2", .kv_heads = 4},
      {.name = "starcoder2", .architecture = "starcoder2", .kv_heads = 1},
      {.name = "gptneox",
       .architecture = "gptneox",
       .kv_heads = 4,
       .tied = false,
       .uints = {{"rope.dimension_count", 4}},
       .bools = {{"use_parallel_residual", true}}},
      {.name = "gptneox-sequential",
       .architecture = "gptneox",
       .kv_heads = 4,
       .tied = false,
       .uints = {{"rope.dimension_count", 4}},
       .bools = {{"use_parallel_residual", false}}},
      {.name = "falcon", .architecture = "falcon", .kv_heads = 1, .options = {"parallel"}},
      {.name = "lfm2",
       .architecture = "lfm2",
       .layers = 5,
       .uints = {{"shortconv.l_cache", 3}},
       .floats = {{"rope.freq_base", 1e6F}}},
      {.name = "granitehybrid",
       .architecture = "granitehybrid",
       .layers = 5,
       .uints = {{"ssm.conv_kernel", 4},
                 {"ssm.inner_size", 128},
                 {"ssm.state_size", 16},
                 {"ssm.time_step_rank", 8},
                 {"ssm.group_count", 2}},
       .floats = {{"embedding_scale", 12.0F},
                  {"residual_scale", 0.22F},
                  {"attention.scale", 0.11F},
                  {"logit_scale", 3.0F}},
       .bools = {{"rope.scaling.finetuned", false}}},
  };
}

TinyFamily TinyFamilyNamed(const std::string& name) {
  for (const TinyFamily& family : TinyFamilies()) {
    if (family.name == name) return family;
  }
  LINNET_CHECK(false);
}

std::string TinyFamilyBytes(const TinyFamily& family, const TinyFamilyOptions& options) {
  return Writer(family, options).Bytes();
}

}  // namespace linnet::testing
