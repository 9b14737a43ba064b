#include "runtime/quant/search.h"

#include <algorithm>
#include <cmath>

#include "runtime/kernels/types.h"
#include "runtime/quant/half.h"

namespace linnet::quant {
namespace {

constexpr int kBlock = static_cast<int>(kernels::kBlock256);
constexpr float kTiny = 1e-30F;        // below this a block counts as zeros: products of it would vanish
constexpr float kHuge = 1e9F;          // above this no half can be the scale: 65504 * 128 * 32 is less
constexpr int kRounds = 2;             // of choosing integer scales, and fitting d to them again
constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to the nearest integer
constexpr int kLanes = 8;

float AsHalf(float value) { return HalfToFloat(FloatToHalf(value)); }

float InverseOf(float scale) { return scale != 0.0F ? 1.0F / scale : 0.0F; }

// The value of the largest magnitude.
float Extreme(const float* x, int n) {
  float extreme = 0.0F;
  for (int i = 0; i < n; ++i) extreme = std::fabs(x[i]) > std::fabs(extreme) ? x[i] : extreme;
  return extreme;
}

// Of what is not a number, `low`.
inline float Clamp(float x, float low, float high) { return x > low ? (x < high ? x : high) : low; }

// Levels as floats, so that the loops below vectorize.
inline float Level(float x, float inverse, float offset, float levels) {
  return (Clamp((x + offset) * inverse, 0.0F, levels) + kRound) - kRound;
}

// Sums of N terms over n values, eight lanes at a time so that they vectorize: add(i, lane) adds to
// sums[..][lane].
template <int N>
struct Sums {
  float lane[N][kLanes] = {};
  float operator[](int which) const {
    float sum = 0.0F;
    for (const float term : lane[which]) sum += term;
    return sum;
  }
};

template <int N, typename Add>
inline Sums<N> SumOver(int n, Add add) {
  Sums<N> sums;
  for (int i = 0; i < n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) add(i + l, l, sums.lane);
  }
  return sums;
}

struct Line {
  float scale = 0.0F, min = 0.0F;  // x ~ scale * q - min
};

float LineError(const float* x, const float* weight, int n, Line line, float levels) {
  const float inverse = InverseOf(line.scale);
  return SumOver<1>(n, [=](int i, int l, auto& sums) {
    const float difference = line.scale * Level(x[i], inverse, line.min, levels) - line.min - x[i];
    sums[0][l] += weight[i] * difference * difference;
  })[0];
}

// The least squares line through the levels that (x + min) * inverse gives; its min is not negative.
Line FitLevels(const float* x, const float* weight, int n, float inverse, float min, float levels) {
  const auto sums = SumOver<5>(n, [=](int i, int l, auto& s) {
    const float q = Level(x[i], inverse, min, levels);
    const float wq = weight[i] * q;
    s[0][l] += weight[i];
    s[1][l] += weight[i] * x[i];
    s[2][l] += wq;
    s[3][l] += wq * q;
    s[4][l] += wq * x[i];
  });
  const float w = sums[0], wx = sums[1], wq = sums[2], wqq = sums[3], wqx = sums[4];
  const float determinant = w * wqq - wq * wq;
  if (determinant <= 0.0F) return {};
  const Line line = {(w * wqx - wx * wq) / determinant, (wq * wqx - wqq * wx) / determinant};
  if (line.min >= 0.0F) return line;
  return {wqx / wqq, 0.0F};
}

Line FitLine(const float* x, const float* weight, int n, float levels) {
  const float low = std::min(0.0F, *std::min_element(x, x + n));
  const float high = *std::max_element(x, x + n);
  if (high - low < kTiny) return {0.0F, -low};
  Line best = {(high - low) / levels, -low};
  float least = LineError(x, weight, n, best, levels);
  const auto consider = [&](Line line) {
    if (!(line.scale > 0.0F)) return false;
    const float error = LineError(x, weight, n, line, levels);
    if (!(error < least)) return false;
    least = error;
    best = line;
    return true;
  };
  for (int step = -10; step <= 10; step += 2) {
    const float inverse = (levels + 0.1F * static_cast<float>(step)) / (high - low);
    consider(FitLevels(x, weight, n, inverse, -low, levels));
  }
  for (int again = 0; again < 4; ++again) {
    if (!consider(FitLevels(x, weight, n, 1.0F / best.scale, best.min, levels))) break;
  }
  return best;
}

float ScaleError(const float* x, const float* weight, int n, float scale, Codes codes) {
  const float inverse = InverseOf(scale);
  return SumOver<1>(n, [=](int i, int l, auto& sums) {
    const float difference = scale * codes.Nearest(x[i] * inverse) - x[i];
    sums[0][l] += weight[i] * difference * difference;
  })[0];
}

}  // namespace

inline float Codes::NearestInteger(float x) const {
  return (Clamp(x, least(), greatest()) + kRound) - kRound;
}

inline float Codes::NearestIq4(float x) {
  float value = -127.0F;
  for (size_t i = 1; i < 16; ++i) {
    const auto below = static_cast<float>(kernels::kIq4Values[i - 1]);
    const auto above = static_cast<float>(kernels::kIq4Values[i]);
    value += 2.0F * x > below + above ? above - below : 0.0F;
  }
  return value;
}

int Codes::Index(float x) const {
  if (half_ > 0) return static_cast<int>(NearestInteger(x)) + half_;
  const auto value = static_cast<int8_t>(NearestIq4(x));
  return static_cast<int>(std::find(kernels::kIq4Values, kernels::kIq4Values + 16, value) -
                          kernels::kIq4Values);
}

int NearestLevel(float x, float scale, float offset, int levels) {
  return static_cast<int>(Level(x, InverseOf(scale), offset, static_cast<float>(levels)));
}

float FitScale(const float* x, const float* weight, int n, Codes codes) {
  const float extreme = Extreme(x, n);
  if (std::fabs(extreme) < kTiny) return 0.0F;
  if (std::fabs(extreme) > kHuge) return INFINITY;
  float best = 0.0F, most = 0.0F;
  // For fixed codes, the error falls by (sum w x c)^2 / (sum w c^2) when the scale is the quotient.
  const auto consider = [&](float inverse) {
    const auto sums = SumOver<2>(n, [=](int i, int l, auto& s) {
      const float code = codes.Nearest(x[i] * inverse);
      const float wc = weight[i] * code;
      s[0][l] += wc * x[i];
      s[1][l] += wc * code;
    });
    const float xc = sums[0], cc = sums[1];
    if (!(cc > 0.0F) || !(xc * xc > most * cc)) return false;
    most = xc * xc / cc;
    best = xc / cc;
    return true;
  };
  // The extreme becomes the outermost code of either side, or a little more or less.
  const float step = codes.half() > 0 ? 0.2F : 4.0F;
  for (int wider = -5; wider <= 5; ++wider) {
    consider((codes.least() - step * static_cast<float>(wider)) / extreme);
    consider((codes.greatest() + step * static_cast<float>(wider)) / extreme);
  }
  for (int again = 0; again < 4 && best != 0.0F; ++again) {
    if (!consider(1.0F / best)) break;
  }
  return best;
}

Scaled FitScaled(const float* x, const float* weight, int subs, Codes codes, int low, int high) {
  const int n = kBlock / subs;
  const auto least_scale = static_cast<float>(low), greatest_scale = static_cast<float>(high);
  std::array<float, 16> wanted{};
  for (int j = 0; j < subs; ++j)
    wanted[static_cast<size_t>(j)] = FitScale(x + j * n, weight + j * n, n, codes);
  float d = Extreme(wanted.data(), subs) / least_scale;
  Scaled best;
  float least = INFINITY;
  for (int round = 0; round < kRounds; ++round) {
    Scaled tried;
    tried.d = AsHalf(d);
    if (round == 0 && std::isinf(tried.d)) return tried;
    if (tried.d == 0.0F || !std::isfinite(tried.d)) break;
    float error = 0.0F, xc = 0.0F, cc = 0.0F;
    for (int j = 0; j < subs; ++j) {
      const float* xs = x + j * n;
      const float* ws = weight + j * n;
      const float target = Clamp(wanted[static_cast<size_t>(j)] / tried.d, least_scale, greatest_scale);
      const int near = static_cast<int>(std::lround(target));
      float smallest = INFINITY;
      int& scale = tried.scale[static_cast<size_t>(j)];
      for (int s = std::max(low, near - 1); s <= std::min(high, near + 1); ++s) {
        const float e = ScaleError(xs, ws, n, tried.d * static_cast<float>(s), codes);
        if (e < smallest) smallest = e, scale = s;
      }
      error += smallest;
      const auto factor = static_cast<float>(scale);
      const float inverse = InverseOf(tried.d * factor);
      const auto sums = SumOver<2>(n, [=](int i, int l, auto& s) {
        const float c = factor * codes.Nearest(xs[i] * inverse);
        s[0][l] += ws[i] * xs[i] * c;
        s[1][l] += ws[i] * c * c;
      });
      xc += sums[0];
      cc += sums[1];
    }
    if (error < least) least = error, best = tried;
    if (!(cc > 0.0F)) break;
    d = xc / cc;
  }
  return best;
}

Lines FitLines(const float* x, const float* weight, int subs, int levels, int most) {
  if (std::fabs(Extreme(x, kBlock)) > kHuge) return {.d = INFINITY};
  const int n = kBlock / subs;
  const auto top = static_cast<float>(levels), limit = static_cast<float>(most);
  std::array<Line, 16> wanted{};
  float d = 0.0F, dmin = 0.0F;
  for (int j = 0; j < subs; ++j) {
    Line& line = wanted[static_cast<size_t>(j)];
    line = FitLine(x + j * n, weight + j * n, n, top);
    d = std::max(d, line.scale / limit);
    dmin = std::max(dmin, line.min / limit);
  }
  const auto nearest = [&](float value, float unit) {
    return unit > 0.0F ? static_cast<int>(std::lround(Clamp(value / unit, 0.0F, limit))) : 0;
  };
  Lines best;
  float least = INFINITY;
  for (int round = 0; round < kRounds; ++round) {
    Lines tried;
    tried.d = AsHalf(d);
    tried.dmin = AsHalf(dmin);
    const bool infinite = std::isinf(tried.d) || std::isinf(tried.dmin);
    if (round == 0 && infinite) return {.d = INFINITY};
    if (infinite || std::isnan(tried.d) || std::isnan(tried.dmin)) break;
    float error = 0.0F;
    // Sums of the least squares fit of d and dmin to the integers: x ~ d * a - dmin * m.
    float aa = 0, am = 0, mm = 0, ax = 0, mx = 0;
    for (int j = 0; j < subs; ++j) {
      const float* xs = x + j * n;
      const float* ws = weight + j * n;
      const Line& line = wanted[static_cast<size_t>(j)];
      const int s0 = nearest(line.scale, tried.d), m0 = nearest(line.min, tried.dmin);
      float smallest = INFINITY;
      int& scale = tried.scale[static_cast<size_t>(j)];
      int& min = tried.min[static_cast<size_t>(j)];
      for (int s = std::max(0, s0 - 1); s <= std::min(most, s0 + 1); ++s) {
        for (int m = std::max(0, m0 - 1); m <= std::min(most, m0 + 1); ++m) {
          const Line candidate = {tried.d * static_cast<float>(s), tried.dmin * static_cast<float>(m)};
          const float e = LineError(xs, ws, n, candidate, top);
          if (e < smallest) smallest = e, scale = s, min = m;
        }
      }
      error += smallest;
      const auto factor = static_cast<float>(scale), m = static_cast<float>(min);
      const float inverse = InverseOf(tried.d * factor), offset = tried.dmin * m;
      const auto sums = SumOver<5>(n, [=](int i, int l, auto& t) {
        const float a = factor * Level(xs[i], inverse, offset, top);
        t[0][l] += ws[i] * a * a;
        t[1][l] += ws[i] * a * m;
        t[2][l] += ws[i] * m * m;
        t[3][l] += ws[i] * a * xs[i];
        t[4][l] += ws[i] * m * xs[i];
      });
      aa += sums[0], am += sums[1], mm += sums[2], ax += sums[3], mx += sums[4];
    }
    if (error < least) least = error, best = tried;
    const float determinant = aa * mm - am * am;
    if (determinant > 0.0F) {
      d = (ax * mm - mx * am) / determinant;
      dmin = (ax * am - mx * aa) / determinant;
    } else if (aa > 0.0F) {
      d = ax / aa;
    }
    if (!(d >= 0.0F) || !(dmin >= 0.0F)) break;
  }
  return best;
}

}  // namespace linnet::quant
