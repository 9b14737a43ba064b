#ifndef LINNET_RUNTIME_QUANT_SEARCH_H_
#define LINNET_RUNTIME_QUANT_SEARCH_H_

#include <array>

// How blocks with small integer scales are written: the search for scales of the least squared error. The
// idea is that of ggml's K types: try scales around the obvious one, fit each by least squares, keep the
// best. Here the integer scales are chosen for that error as well, not by rounding alone. `weight` is what
// the squared error of each value counts.
namespace linnet::quant {

// The values that a scale multiplies: integers from -half to half - 1, or kernels::kIq4Values.
class Codes {
 public:
  static constexpr Codes Integers(int half) { return Codes(half); }  // half <= 32
  static constexpr Codes Iq4() { return Codes(0); }

  // The value of the code next to x; 0 or the least for what is not a number.
  float Nearest(float x) const { return half_ > 0 ? NearestInteger(x) : NearestIq4(x); }
  // Its index.
  int Index(float x) const;
  float least() const { return half_ > 0 ? static_cast<float>(-half_) : -127.0F; }
  float greatest() const { return half_ > 0 ? static_cast<float>(half_ - 1) : 113.0F; }
  int half() const { return half_; }

 private:
  explicit constexpr Codes(int half) : half_(half) {}
  float NearestInteger(float x) const;
  static float NearestIq4(float x);

  int half_;  // 0: Iq4
};

// scale with the least sum of weight * (x - scale * code)^2, among those tried; infinite when no half can be
// it. n: a multiple of 8.
float FitScale(const float* x, const float* weight, int n, Codes codes);

// 256 values as d * scale[j] * code, the sub-blocks of 256 / subs values each.
struct Scaled {
  float d = 0.0F;  // a half holds it, or it is infinite
  std::array<int, 16> scale = {};
};
// Integer scales from low to high.
Scaled FitScaled(const float* x, const float* weight, int subs, Codes codes, int low, int high);

// 256 values as d * scale[j] * q - dmin * min[j], q from 0 to levels, scale and min from 0 to most.
struct Lines {
  float d = 0.0F, dmin = 0.0F;  // halves hold them, or d is infinite
  std::array<int, 16> scale = {}, min = {};
};
Lines FitLines(const float* x, const float* weight, int subs, int levels, int most);

// (x + offset) / scale rounded, from 0 to levels; 0 where the scale is 0.
int NearestLevel(float x, float scale, float offset, int levels);

}  // namespace linnet::quant

#endif  // LINNET_RUNTIME_QUANT_SEARCH_H_
