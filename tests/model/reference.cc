#include "tests/model/reference.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "runtime/gguf/gguf_file.h"
#include "runtime/quant/quant.h"

namespace linnet::model {
namespace {

using Vector = std::vector<double>;
using Sequence = std::vector<Vector>;  // one vector a token

class Reference {
 public:
  Reference(const gguf::GgufFile& file, uint32_t context_tokens, const Observe& observe)
      : file_(file),
        arch_(*file.GetString("general.architecture")),
        session_(context_tokens),
        observe_(observe) {
    layers_ = Int("block_count", 0);
    dim_ = Int("embedding_length", 0);
    heads_ = Int("attention.head_count", 0);
    head_dim_ = Int("attention.key_length", dim_ / heads_);
    rope_dims_ = Int("rope.dimension_count", head_dim_);
  }

  Vector Logits(const std::vector<int32_t>& tokens) {
    Sequence x;
    for (size_t t = 0; t < tokens.size(); ++t) x.push_back(Embed(tokens[t], t));
    for (size_t l = 0; l < layers_; ++l) {
      layer_ = l;
      for (const Vector& v : x) Observed(Block(""), v);
      Layer(x);
    }
    for (const Vector& v : x) Observed("", v);
    const std::string head = file_.FindTensor("output.weight") == nullptr ? "token_embd" : "output";
    const Vector last = Norm(arch_ == "lfm2" ? "token_embd_norm" : "output_norm", x.back());
    Vector logits = Times(head + ".weight", last);
    AddTo(logits, Tensor("output.bias"));
    if (Is("granite", "granitehybrid")) Scale(logits, 1.0 / Number("logit_scale", 1.0));
    const double cap = Number("final_logit_softcapping", 0.0);
    for (double& v : logits) v = cap == 0.0 ? v : cap * std::tanh(v / cap);
    return logits;
  }

 private:
  // ---- the file

  template <typename... Names>
  bool Is(Names... names) const {
    return ((arch_ == names) || ...);
  }
  std::string Key(const std::string& key) const { return arch_ + "." + key; }
  size_t Int(const std::string& key, size_t otherwise) const {
    return file_.Has(Key(key)) ? static_cast<size_t>(*file_.GetUint(Key(key))) : otherwise;
  }
  double Number(const std::string& key, double otherwise) const {
    return file_.Has(Key(key)) ? static_cast<double>(*file_.GetFloat(Key(key))) : otherwise;
  }
  bool Says(const std::string& key, const std::string& value) const {
    return file_.Has(Key(key)) && *file_.GetString(Key(key)) == value;
  }
  std::string Block(const std::string& name) const { return "blk." + std::to_string(layer_) + "." + name; }

  // Empty when there is none.
  const Vector& Tensor(const std::string& name) {
    const auto [at, added] = tensors_.try_emplace(name);
    const gguf::TensorInfo* tensor = file_.FindTensor(name);
    if (added && tensor != nullptr) {
      const std::vector<float> values = quant::Dequantize(tensor->type, tensor->data);
      at->second.assign(values.begin(), values.end());
    }
    return at->second;
  }

  void Observed(const std::string& where, const Vector& x) const {
    if (observe_ != nullptr) observe_(where, x);
  }

  // ---- arithmetic

  static void AddTo(Vector& y, const Vector& x) {
    for (size_t i = 0; i < x.size(); ++i) y[i] += x[i];
  }
  static void Scale(Vector& y, double factor) {
    for (double& v : y) v *= factor;
  }
  Vector Times(const std::string& name, const Vector& x) {
    Observed(name, x);
    const Vector& w = Tensor(name);
    Vector y(w.size() / x.size(), 0.0);
    for (size_t r = 0; r < y.size(); ++r) {
      for (size_t i = 0; i < x.size(); ++i) y[r] += w[r * x.size() + i] * x[i];
    }
    return y;
  }
  // weight * x + bias, of this layer.
  Vector Linear(const std::string& name, const Vector& x) {
    Vector y = Times(Block(name + ".weight"), x);
    AddTo(y, Tensor(Block(name + ".bias")));
    return y;
  }

  // RMSNorm (arXiv:1910.07467) or LayerNorm (arXiv:1607.06450) of n elements from `begin`.
  void NormSpan(Vector& x, size_t begin, size_t n, const double* weight) const {
    const bool layer_norm = Is("phi2", "stablelm", "gpt2", "starcoder2", "gptneox", "falcon");
    double mean = 0.0, squares = 0.0;
    for (size_t i = 0; i < n && layer_norm; ++i) mean += x[begin + i] / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) squares += (x[begin + i] - mean) * (x[begin + i] - mean);
    const double epsilon =
        Number(layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", 0.0);
    const double deviation = std::sqrt(squares / static_cast<double>(n) + epsilon);
    for (size_t i = 0; i < n; ++i) x[begin + i] = (x[begin + i] - mean) / deviation * weight[i];
  }
  Vector Norm(const std::string& name, Vector x) {
    NormSpan(x, 0, x.size(), Tensor(name + ".weight").data());
    AddTo(x, Tensor(name + ".bias"));
    return x;
  }

  // ---- positions

  double InverseFrequency(size_t i, bool local) {
    double base = Number("rope.freq_base", 10000.0);
    if (local && arch_ == "gemma3") base = Number("rope.freq_base_swa", 10000.0);
    double frequency = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(rope_dims_));
    if (const Vector& llama3 = Tensor("rope_freqs.weight"); !llama3.empty()) return frequency / llama3[i];
    const bool beyond = session_ > Int("rope.scaling.original_context_length", session_);
    if (const Vector& factors = Tensor(beyond ? "rope_factors_long.weight" : "rope_factors_short.weight");
        !factors.empty()) {
      return frequency / factors[i];
    }
    // Gemma 3 and OLMo 3 stretch the layers that see everything alone.
    if (local && Is("gemma3", "olmo2")) return frequency;
    const double factor = Number("rope.scaling.factor", 1.0);
    if (!Says("rope.scaling.type", "yarn")) return frequency / factor;
    // transformers' _compute_yarn_parameters.
    const double original = static_cast<double>(Int("rope.scaling.original_context_length", 0));
    const auto dim_of_turns = [&](double turns) {
      return static_cast<double>(rope_dims_) * std::log(original / (turns * 2.0 * M_PI)) /
             (2.0 * std::log(base));
    };
    const double low = std::max(std::floor(dim_of_turns(Number("rope.scaling.yarn_beta_fast", 32.0))), 0.0);
    const double high = std::min(std::ceil(dim_of_turns(Number("rope.scaling.yarn_beta_slow", 1.0))),
                                 static_cast<double>(rope_dims_) - 1.0);
    const double ramp = std::clamp((static_cast<double>(i) - low) / std::max(high - low, 0.001), 0.0, 1.0);
    return frequency / factor * ramp + frequency * (1.0 - ramp);
  }

  double AttentionFactor(bool local) const {
    if (Says("rope.scaling.type", "yarn") && !(local && arch_ == "olmo2")) {
      const auto mscale = [&](double m) {
        return 0.1 * m * std::log(Number("rope.scaling.factor", 1.0)) + 1.0;
      };
      return mscale(1.0) / mscale(Number("rope.scaling.yarn_log_multiplier", 0.0));
    }
    return Number("rope.scaling.attn_factor", 1.0);
  }

  // RoFormer (arXiv:2104.09864). GGUF stores llama's heads so that neighbours turn together; the others turn
  // as transformers' rotate_half does.
  void Rotate(Vector& x, size_t position, bool local) {
    if (arch_ == "gpt2" || (arch_ == "smollm3" && (layer_ + 1) % 4 == 0)) return;
    if (arch_ == "exaone4" && file_.Has(Key("attention.sliding_window")) && !local) return;
    if (file_.Has(Key("rope.scaling.finetuned"))) return;  // granite's "no RoPE"
    const bool neighbours =
        Is("llama", "smollm3", "granite", "granitehybrid", "ernie4_5", "internlm2", "mistral3");
    const size_t pairs = rope_dims_ / 2;
    const double m = AttentionFactor(local);
    for (size_t i = 0; i < pairs; ++i) {
      const double angle = static_cast<double>(position) * InverseFrequency(i, local);
      for (size_t head = 0; head < x.size(); head += head_dim_) {
        double& a = x[head + (neighbours ? 2 * i : i)];
        double& b = x[head + (neighbours ? 2 * i + 1 : i + pairs)];
        const double turned = a * std::cos(angle) - b * std::sin(angle);
        b = m * (a * std::sin(angle) + b * std::cos(angle));
        a = m * turned;
      }
    }
  }

  // Positions that this layer sees; 0: all.
  size_t Window() const {
    const size_t window = Int("attention.sliding_window", 0);
    if (const auto pattern = file_.GetBoolArray(Key("attention.sliding_window_pattern")); pattern.ok()) {
      return (*pattern)[layer_] ? window : 0;
    }
    if (arch_ == "gemma2") return layer_ % 2 == 0 ? window : 0;
    if (arch_ == "gemma3") return (layer_ + 1) % 6 != 0 ? window : 0;
    if (Is("olmo2", "exaone4")) return (layer_ + 1) % 4 != 0 ? window : 0;
    return window;
  }

  Vector Embed(int32_t token, size_t position) {
    const auto row = [&](const std::string& name, size_t index) {
      const Vector& all = Tensor(name);
      return Vector(all.begin() + static_cast<std::ptrdiff_t>(index * dim_),
                    all.begin() + static_cast<std::ptrdiff_t>((index + 1) * dim_));
    };
    Vector x = row("token_embd.weight", static_cast<size_t>(token));
    if (Is("gemma", "gemma2", "gemma3")) Scale(x, std::sqrt(static_cast<double>(dim_)));
    if (Is("granite", "granitehybrid")) Scale(x, Number("embedding_scale", 1.0));
    if (arch_ == "gpt2") AddTo(x, row("position_embd.weight", position));
    return x;
  }

  // ---- blocks

  struct Heads {
    Sequence q, k, v;
  };

  Heads Project(const Sequence& input) {
    Heads out;
    const size_t q_rows = heads_ * head_dim_;
    for (const Vector& h : input) {
      if (Tensor(Block("attn_qkv.weight")).empty()) {
        out.q.push_back(Linear("attn_q", h));
        out.k.push_back(Linear("attn_k", h));
        out.v.push_back(Linear("attn_v", h));
        continue;
      }
      const Vector all = Linear("attn_qkv", h);
      const size_t kv_rows = (all.size() - q_rows) / 2;
      const auto at = [&](size_t i) { return all.begin() + static_cast<std::ptrdiff_t>(i); };
      out.q.emplace_back(at(0), at(q_rows));
      out.k.emplace_back(at(q_rows), at(q_rows + kv_rows));
      out.v.emplace_back(at(q_rows + kv_rows), all.end());
    }
    return out;
  }

  // Over the whole projection (OLMo 2), or head by head, all with the same weights or each with its own.
  void NormHeads(const std::string& name, Vector& x) {
    const Vector& weight = Tensor(Block(name));
    if (weight.empty()) return;
    if (arch_ == "olmo2") return NormSpan(x, 0, x.size(), weight.data());
    for (size_t head = 0; head < x.size(); head += head_dim_) {
      NormSpan(x, head, head_dim_, weight.data() + (weight.size() == head_dim_ ? 0 : head));
    }
  }

  void NormQueryAndKey(Heads& h, size_t t) {
    NormHeads("attn_q_norm.weight", h.q[t]);
    NormHeads("attn_k_norm.weight", h.k[t]);
  }

  Sequence Attention(const Sequence& input) {
    Heads h = Project(input);
    const size_t window = Window();
    for (size_t t = 0; t < input.size(); ++t) {
      // Hunyuan normalizes what is already turned.
      if (arch_ != "hunyuan-dense") NormQueryAndKey(h, t);
      Rotate(h.q[t], t, window != 0);
      Rotate(h.k[t], t, window != 0);
      if (arch_ == "hunyuan-dense") NormQueryAndKey(h, t);
      // transformers' get_llama_4_attn_scale.
      const size_t spans = t / Int("rope.scaling.original_context_length", 1);
      Scale(h.q[t],
            1.0 + Number("attention.temperature_scale", 0.0) * std::log(1.0 + static_cast<double>(spans)));
    }
    Sequence out;
    for (size_t t = 0; t < input.size(); ++t) {
      const size_t first = window == 0 || t + 1 <= window ? 0 : t + 1 - window;
      out.push_back(Linear("attn_output", Softmax(h, t, first)));
    }
    return out;
  }

  Vector Softmax(const Heads& h, size_t t, size_t first) const {
    const size_t groups = h.q[t].size() / h.k[t].size();
    double scale = 1.0 / std::sqrt(static_cast<double>(head_dim_));
    if (Is("granite", "granitehybrid")) scale = Number("attention.scale", scale);
    const double cap = Number("attn_logit_softcapping", 0.0);
    Vector out(h.q[t].size(), 0.0);
    for (size_t head = 0; head < heads_; ++head) {
      const size_t from = head * head_dim_, kv = head / groups * head_dim_;
      Vector p;
      double total = 0.0;
      for (size_t j = first; j <= t; ++j) {
        double score = 0.0;
        for (size_t i = 0; i < head_dim_; ++i) score += h.q[t][from + i] * h.k[j][kv + i];
        score *= scale;
        if (cap != 0.0) score = cap * std::tanh(score / cap);
        p.push_back(std::exp(score));
        total += p.back();
      }
      for (size_t j = first; j <= t; ++j) {
        for (size_t i = 0; i < head_dim_; ++i) out[from + i] += p[j - first] / total * h.v[j][kv + i];
      }
    }
    return out;
  }

  // transformers' Lfm2ShortConv: B, C, x = in_proj(h); C * causal_conv1d(B * x).
  Sequence ShortConv(const Sequence& input) {
    Sequence gates, bx, out;
    for (const Vector& h : input) {
      gates.push_back(Linear("shortconv.in_proj", h));
      bx.emplace_back(dim_);
      for (size_t i = 0; i < dim_; ++i) bx.back()[i] = gates.back()[i] * gates.back()[2 * dim_ + i];
    }
    const Vector kernel = Tensor(Block("shortconv.conv.weight"));
    const size_t taps = kernel.size() / dim_;
    for (size_t t = 0; t < input.size(); ++t) {
      Vector y(dim_, 0.0);
      for (size_t i = 0; i < dim_; ++i) {
        for (size_t back = 0; back < taps && back <= t; ++back) {
          y[i] += kernel[i * taps + taps - 1 - back] * bx[t - back][i];
        }
        y[i] *= gates[t][dim_ + i];
      }
      out.push_back(Linear("shortconv.out_proj", y));
    }
    return out;
  }

  // transformers' Mamba2 mixer, one token after the other.
  Sequence Mamba2(const Sequence& input) {
    const size_t inner = Int("ssm.inner_size", 0), length = Int("ssm.state_size", 0);
    const size_t heads = Int("ssm.time_step_rank", 0), groups = Int("ssm.group_count", 0), d = inner / heads;
    const Vector kernel = Tensor(Block("ssm_conv1d.weight"));
    const size_t channels = inner + 2 * groups * length, taps = kernel.size() / channels;
    Sequence projected, out;
    Vector state(inner * length, 0.0);
    for (size_t t = 0; t < input.size(); ++t) {
      projected.push_back(Linear("ssm_in", input[t]));
      Vector xbc = Tensor(Block("ssm_conv1d.bias"));
      for (size_t i = 0; i < channels; ++i) {
        for (size_t back = 0; back < taps && back <= t; ++back) {
          xbc[i] += kernel[i * taps + taps - 1 - back] * projected[t - back][inner + i];
        }
        xbc[i] = Silu(xbc[i]);
      }
      Vector y(inner);
      for (size_t i = 0; i < inner; ++i) {
        const size_t head = i / d, group = head / (heads / groups);
        const double dt =
            std::log1p(std::exp(projected[t][inner + channels + head] + Tensor(Block("ssm_dt.bias"))[head]));
        double* s = state.data() + i * length;
        for (size_t j = 0; j < length; ++j) {
          s[j] = s[j] * std::exp(dt * Tensor(Block("ssm_a"))[head]) +
                 dt * xbc[inner + group * length + j] * xbc[i];
          y[i] += s[j] * xbc[inner + (groups + group) * length + j];
        }
        y[i] = (y[i] + Tensor(Block("ssm_d"))[head] * xbc[i]) * Silu(projected[t][i]);
      }
      for (size_t i = 0; i < inner; i += inner / groups) {
        NormSpan(y, i, inner / groups, Tensor(Block("ssm_norm.weight")).data() + i);
      }
      out.push_back(Linear("ssm_out", y));
    }
    return out;
  }

  static double Silu(double x) { return x / (1.0 + std::exp(-x)); }
  double Gelu(double x) const {
    if (Is("falcon", "gptneox")) return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
  }

  Vector FeedForward(const Vector& h) {
    Vector up = Linear("ffn_up", h);
    if (Is("phi2", "gpt2", "starcoder2", "gptneox", "falcon")) {
      for (double& v : up) v = Gelu(v);
      return Linear("ffn_down", up);
    }
    Vector gate;
    if (arch_ == "phi3") {
      const auto middle = up.begin() + static_cast<std::ptrdiff_t>(up.size() / 2);
      gate.assign(up.begin(), middle);
      up.erase(up.begin(), middle);
    } else {
      gate = Linear("ffn_gate", h);
    }
    const bool gelu = Is("gemma", "gemma2", "gemma3");
    for (size_t i = 0; i < up.size(); ++i) up[i] *= gelu ? Gelu(gate[i]) : Silu(gate[i]);
    return Linear("ffn_down", up);
  }

  // ---- arrangements of the two blocks around the residual stream

  void Layer(Sequence& x) {
    const bool split = arch_ == "gptneox" && *file_.GetBool(Key("use_parallel_residual"));
    if (Is("phi2", "falcon") || split || (arch_ == "stablelm" && Tensor(Block("ffn_norm.weight")).empty())) {
      return ParallelLayer(x);
    }
    if (Is("olmo2", "exaone4")) return PostNormLayer(x);
    if (Is("gemma2", "gemma3")) return SandwichLayer(x);
    PreNormLayer(x);
  }

  Sequence NormAll(const std::string& name, const Sequence& x) {
    Sequence out;
    for (const Vector& v : x) out.push_back(Norm(Block(name), v));
    return out;
  }

  // x += f(norm(x)), twice (GPT-2 and after).
  void PreNormLayer(Sequence& x) {
    const double residual = Is("granite", "granitehybrid") ? Number("residual_scale", 1.0) : 1.0;
    const bool convolves = !Tensor(Block("shortconv.conv.weight")).empty();
    const Sequence h = NormAll("attn_norm", x);
    const bool scans = !Tensor(Block("ssm_in.weight")).empty();
    Sequence mixed = convolves ? ShortConv(h) : scans ? Mamba2(h) : Attention(h);
    for (size_t t = 0; t < x.size(); ++t) {
      Scale(mixed[t], residual);
      AddTo(x[t], mixed[t]);
      Vector fed = FeedForward(Norm(Block("ffn_norm"), x[t]));
      Scale(fed, residual);
      AddTo(x[t], fed);
    }
  }

  // x += norm(f(x)), twice (arXiv:2501.00656).
  void PostNormLayer(Sequence& x) {
    const Sequence mixed = Attention(x);
    for (size_t t = 0; t < x.size(); ++t) {
      AddTo(x[t], Norm(Block("post_attention_norm"), mixed[t]));
      AddTo(x[t], Norm(Block("post_ffw_norm"), FeedForward(x[t])));
    }
  }

  // x += norm(f(norm(x))), twice (arXiv:2408.00118).
  void SandwichLayer(Sequence& x) {
    const Sequence mixed = Attention(NormAll("attn_norm", x));
    for (size_t t = 0; t < x.size(); ++t) {
      AddTo(x[t], Norm(Block("post_attention_norm"), mixed[t]));
      AddTo(x[t], Norm(Block("post_ffw_norm"), FeedForward(Norm(Block("ffn_norm"), x[t]))));
    }
  }

  // x += attention(norm(x)) + ffn(norm'(x)); norm' is the same one except in GPT-NeoX.
  void ParallelLayer(Sequence& x) {
    const Sequence h = NormAll("attn_norm", x);
    const Sequence h2 = arch_ == "gptneox" ? NormAll("ffn_norm", x) : h;
    const Sequence mixed = Attention(h);
    for (size_t t = 0; t < x.size(); ++t) {
      AddTo(x[t], mixed[t]);
      AddTo(x[t], FeedForward(h2[t]));
    }
  }

  const gguf::GgufFile& file_;
  const std::string arch_;
  const uint32_t session_;
  const Observe& observe_;
  size_t layers_, dim_, heads_, head_dim_, rope_dims_;
  size_t layer_ = 0;
  std::map<std::string, Vector> tensors_;
};

}  // namespace

std::vector<double> ReferenceLogits(const gguf::GgufFile& file, const std::vector<int32_t>& tokens,
                                    uint32_t context_tokens, const Observe& observe) {
  return Reference(file, context_tokens, observe).Logits(tokens);
}

}  // namespace linnet::model
