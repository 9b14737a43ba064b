#ifndef LINNET_AGENT_SENSORS_BASELINE_H_
#define LINNET_AGENT_SENSORS_BASELINE_H_

#include <cstdint>
#include <functional>
#include <vector>

namespace linnet::sensors {

// What is usual for a number: its median, and the median (MAD) and 95 % quantile of the deviations from it.
// Learned exactly from a sample of at most 512 values spread over the warm-up, then tracked by stochastic
// approximation: a step of fixed size towards each value, so that a wild one moves them no more than any
// other (Robbins and Monro 1951). Constant memory.
class Baseline {
 public:
  void Reset();
  // During the warm-up. Keeps every value, then every second, every fourth, ...
  void Collect(double value);
  // Ends the warm-up; frees the sample. The usual value is that of map(value).
  void Learn(const std::function<double(double)>& map = nullptr);
  // After it. `share` of a standard deviation is the step.
  void Track(double value, double share);

  double median() const { return median_; }
  // The wider of 1.4826 MAD and the 95 % quantile of the deviations / 1.96: both are the standard deviation
  // for a normal distribution. The second one counts where a channel has two usual levels, as day and night.
  double sigma() const;

 private:
  static constexpr size_t kSample = 512;

  std::vector<double> sample_;
  uint64_t seen_ = 0, stride_ = 1;
  double median_ = 0, mad_ = 0, wide_ = 0;
};

}  // namespace linnet::sensors

#endif  // LINNET_AGENT_SENSORS_BASELINE_H_
