#ifndef LINNET_DEPLOY_PROBE_TENSOR_TABLE_H_
#define LINNET_DEPLOY_PROBE_TENSOR_TABLE_H_

#include <nlohmann/json_fwd.hpp>

#include "runtime/gguf/model_file.h"

namespace linnet::probe {

// Every tensor: name, type, shape, place and size in the file, bits per weight; `stats`: also the range, the
// root of the mean square and the number of values that are not finite. Then the totals of each type and of
// all.
void PrintTensors(const gguf::ModelFile& file, bool stats);
nlohmann::json TensorsToJson(const gguf::ModelFile& file, bool stats);
nlohmann::json TypesToJson(const gguf::ModelFile& file);

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_TENSOR_TABLE_H_
