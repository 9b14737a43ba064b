#include <algorithm>

#include "runtime/base/exact_math.h"
#include "runtime/model/transformer.h"

// Mixers that remember a state of fixed size instead of every token.
namespace linnet::model {
namespace {

// Tokens that a thread takes through its heads before it goes on to the next ones: a head's state stays near
// by, and other threads need not wait for the last head to finish the first tokens.
constexpr size_t kScanTokens = 16;

// log(1 + exp(x)).
double Softplus(double x) { return x > 20.0 ? x : base::ExactLog(1.0 + base::ExactExp(x)); }

}  // namespace

// Channel by channel over time: convolved_[t] = sum over taps of w.conv[tap] * input[t - taps + 1 + tap]. The
// inputs of the segment's tokens stand in conv_window_ from row taps - 1 on; those before them are in its
// state, which then holds the last.
void Transformer::Convolve(const LayerWeights& w, const Segment& s, size_t first, uint32_t layer) {
  const size_t channels = config_.conv_channels, taps = config_.conv_taps, before = (taps - 1) * channels;
  const size_t n = s.tokens.size();
  float* state = s.kv->state(layer);
  float* out = convolved_.data() + first * channels;
  std::copy_n(state, before, conv_window_.data());
  std::fill_n(out, n * channels, 0.0f);
  for (size_t t = 0; t < n; ++t) {
    for (size_t tap = 0; tap < taps; ++tap) {
      ops_.mul_add(out + t * channels, conv_window_.data() + (t + tap) * channels,
                   w.conv.data() + tap * channels, channels);
    }
  }
  std::copy_n(conv_window_.data() + n * channels, before, state);
}

// LFM2 (arXiv:2511.23404): b, c, x = in(h); out(c * conv(b * x)).
void Transformer::ShortConv(const LayerWeights& w, Batch batch, uint32_t layer, size_t n) {
  const size_t dim = config_.dim;
  linear_.Multiply(Input(), n, {{w.mixer_in, mixer_in_.data()}});
  ForEach(batch, [&](const Segment& s, size_t first) {
    for (size_t t = 0; t < s.tokens.size(); ++t) {
      const float* b = mixer_in_.data() + (first + t) * 3 * dim;
      float* input = conv_window_.data() + (config_.conv_taps - 1 + t) * dim;
      std::copy_n(b, dim, input);
      ops_.mul(input, b + 2 * dim, dim);
    }
    Convolve(w, s, first, layer);
  });
  for (size_t t = 0; t < n; ++t) {
    ops_.mul(convolved_.data() + t * dim, mixer_in_.data() + (3 * t + 1) * dim, dim);
  }
  EndMixer(linear_.Prepare(convolved_.data(), n, {{w.output, mixed_.data()}}), w, n);
}

// Mamba-2 (arXiv:2405.21060): z, xbc, dt = in(h); x, b, c = silu(conv(xbc)); y = scan(x, b, c, dt);
// out(norm(y * silu(z))).
void Transformer::Mamba2(const LayerWeights& w, Batch batch, uint32_t layer, size_t n) {
  const size_t inner = config_.ssm_inner, channels = config_.conv_channels;
  const size_t row = inner + channels + config_.ssm_heads;
  linear_.Multiply(Input(), n, {{w.mixer_in, mixer_in_.data()}});
  ForEach(batch, [&](const Segment& s, size_t first) {
    for (size_t t = 0; t < s.tokens.size(); ++t) {
      std::copy_n(mixer_in_.data() + (first + t) * row + inner, channels,
                  conv_window_.data() + (config_.conv_taps - 1 + t) * channels);
    }
    Convolve(w, s, first, layer);
  });
  AddBias(convolved_.data(), w.conv_bias, n);
  for (size_t t = 0; t < n; ++t) {
    float* xbc = convolved_.data() + t * channels;
    ops_.swiglu(xbc, ones_.data(), xbc, channels);
  }
  Scan(w, batch, layer, n);
  EndMixer(mixed_in_.With(scanned_.data()), w, n);
}

// Every head goes through the tokens on its own. With the last head of a token, what needs all of them is
// done.
void Transformer::Scan(const LayerWeights& w, Batch batch, uint32_t layer, size_t n) {
  const size_t inner = config_.ssm_inner, channels = config_.conv_channels, heads = config_.ssm_heads;
  const size_t d = inner / heads, length = config_.ssm_state, sharing = heads / config_.ssm_groups;
  const size_t row = inner + channels + heads, before = (config_.conv_taps - 1) * channels;
  const auto token = [&](size_t t, size_t head, float* state) {
    const float dt = mixer_in_[t * row + inner + channels + head] + w.ssm_dt[head];
    const double step = Softplus(static_cast<double>(dt));
    const double decay = base::ExactExp(step * static_cast<double>(w.ssm_a[head]));
    const float* x = convolved_.data() + t * channels;
    const float* b = x + inner + head / sharing * length;
    ops_.ssm_step(state, x + head * d, b, b + config_.ssm_groups * length, static_cast<float>(decay),
                  static_cast<float>(step), w.ssm_d[head], scanned_.data() + t * inner + head * d, d, length);
  };
  const Forms forms = linear_.FormsOf({&w.output});
  const size_t group = inner / config_.ssm_groups;
  const auto finish = [&](size_t t) {
    float* y = scanned_.data() + t * inner;
    ops_.swiglu(mixer_in_.data() + t * row, y, y, inner);
    for (size_t i = 0; i < inner; i += group) {
      ops_.rms_norm(y + i, w.ssm_norm.data() + i, y + i, group, config_.epsilon);
    }
    mixed_in_.Make(ops_, forms, scanned_.data(), t * inner, (t + 1) * inner);
  };
  pool_.Run(heads, 1, [&](size_t begin, size_t end) {
    for (size_t first = 0; first < n; first += kScanTokens) {
      const size_t last = std::min(n, first + kScanTokens);
      for (size_t head = begin; head < end; ++head) {
        ForTokens(batch, first, last, [&](const Segment& s, size_t, size_t t) {
          token(t, head, s.kv->state(layer) + before + head * d * length);
        });
      }
      if (!scanned_done_.Completes(first / kScanTokens, end - begin, heads)) continue;
      for (size_t t = first; t < last; ++t) finish(t);
    }
  });
}

}  // namespace linnet::model
