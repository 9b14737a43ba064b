#ifndef LINNET_RUNTIME_TOOLS_PRUNE_MEASURE_H_
#define LINNET_RUNTIME_TOOLS_PRUNE_MEASURE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/tools/measured_model.h"
#include "runtime/tools/progress.h"

namespace linnet::tools {

// What a text shows of a model's parts.
struct PartMeasures {
  std::vector<double> similarity;                  // [layers]; see PruneResult
  std::vector<std::vector<double>> channel_power;  // [layers][ffn], mean(a^2) of the inputs of ffn_down
};

absl::StatusOr<PartMeasures> MeasureParts(MeasuredModel& model, std::string_view text,
                                          const Progress& progress);

// The `count` layers that change their input least, ascending; ties go to the later one.
std::vector<uint32_t> LayersToDrop(const std::vector<double>& similarity, uint32_t count);

// The `count` channels of a layer that matter most, ascending; ties go to the earlier one.
std::vector<uint32_t> ChannelsToKeep(const std::vector<double>& importance, uint32_t count);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_PRUNE_MEASURE_H_
