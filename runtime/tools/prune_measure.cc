#include "runtime/tools/prune_measure.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/model/weights.h"

namespace linnet::tools {
namespace {

class Meter final : public model::Observer {
 public:
  Meter(const model::Config& config, const model::Weights& weights, PartMeasures& into)
      : dim_(config.dim), into_(into) {
    into_.similarity.assign(config.layers, 0.0);
    into_.channel_power.resize(config.layers);
    for (uint32_t l = 0; l < config.layers; ++l) downs_[weights.layers[l].down.data] = l;
  }

  void OnProduct(const model::Matrix& matrix, const float* x, size_t tokens) override {
    const auto down = downs_.find(matrix.data);
    if (down == downs_.end()) return;
    std::vector<double>& power = into_.channel_power[down->second];
    power.resize(matrix.cols);
    for (size_t i = 0; i < tokens * matrix.cols; ++i) {
      power[i % matrix.cols] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    }
  }

  void OnResidual(uint32_t layer, const float* x, size_t tokens) override {
    if (layer == 0) tokens_ += tokens;
    for (size_t t = 0; layer > 0 && t < tokens; ++t) {
      into_.similarity[layer - 1] += Cosine(before_.data() + t * dim_, x + t * dim_);
    }
    before_.assign(x, x + tokens * dim_);
  }

  void Finish() {
    for (double& sum : into_.similarity) sum /= static_cast<double>(tokens_);
    for (std::vector<double>& power : into_.channel_power) {
      for (double& sum : power) sum /= static_cast<double>(tokens_);
    }
  }

 private:
  double Cosine(const float* a, const float* b) const {
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < dim_; ++i) {
      dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
      aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
      bb += static_cast<double>(b[i]) * static_cast<double>(b[i]);
    }
    return aa > 0 && bb > 0 ? dot / std::sqrt(aa * bb) : 1.0;
  }

  const size_t dim_;
  PartMeasures& into_;
  std::map<const std::byte*, uint32_t> downs_;
  std::vector<float> before_;  // the residual stream before the layer at work, of one batch
  uint64_t tokens_ = 0;
};

// Indices of values, the largest first.
std::vector<uint32_t> Order(const std::vector<double>& values, bool later_first) {
  std::vector<uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  if (later_first) std::reverse(order.begin(), order.end());
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return values[a] > values[b]; });
  return order;
}

std::vector<uint32_t> FirstAscending(std::vector<uint32_t> order, uint32_t count) {
  order.resize(std::min<size_t>(order.size(), count));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace

absl::StatusOr<PartMeasures> MeasureParts(MeasuredModel& model, std::string_view text,
                                          const Progress& progress) {
  PartMeasures measures;
  Meter meter(model.config(), model.weights(), measures);
  LINNET_RETURN_IF_ERROR(model.Run(text, meter, progress).status());
  meter.Finish();
  const auto finite = [](double v) { return std::isfinite(v); };
  for (uint32_t l = 0; l < model.config().layers; ++l) {
    const std::vector<double>& power = measures.channel_power[l];
    if (!finite(measures.similarity[l]) || !std::all_of(power.begin(), power.end(), finite)) {
      return absl::DataLossError(
          absl::StrCat(model.file().path(), ": what flows through layer ", l, " is not finite"));
    }
  }
  return measures;
}

std::vector<uint32_t> LayersToDrop(const std::vector<double>& similarity, uint32_t count) {
  return FirstAscending(Order(similarity, true), count);
}

std::vector<uint32_t> ChannelsToKeep(const std::vector<double>& importance, uint32_t count) {
  return FirstAscending(Order(importance, false), count);
}

}  // namespace linnet::tools
