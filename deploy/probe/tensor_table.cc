#include "deploy/probe/tensor_table.h"

#include <cinttypes>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_join.h"
#include "deploy/probe/progress.h"
#include "runtime/tools/tensor_values.h"

namespace linnet::probe {
namespace {

using nlohmann::json;

struct Total {
  uint64_t tensors = 0, elements = 0, bytes = 0;
  void Add(const gguf::TensorInfo& tensor) {
    ++tensors;
    elements += tools::ElementsOf(tensor);
    bytes += tensor.data.size();
  }
  double bits_per_weight() const {
    return elements == 0 ? 0 : 8 * static_cast<double>(bytes) / static_cast<double>(elements);
  }
};

std::map<std::string, Total> ByType(const gguf::ModelFile& file) {
  std::map<std::string, Total> types;
  for (const gguf::TensorInfo& tensor : file.tensors()) types[std::string(tensor.type_name)].Add(tensor);
  return types;
}

Total OfAll(const gguf::ModelFile& file) {
  Total total;
  for (const gguf::TensorInfo& tensor : file.tensors()) total.Add(tensor);
  return total;
}

}  // namespace

void PrintTensors(const gguf::ModelFile& file, bool stats) {
  std::printf("%-42s %-7s %12s %12s %6s  shape%s\n", "tensor", "type", "offset", "bytes", "bits",
              stats ? "  least, most, rms" : "");
  ProgressBar bar;
  const tools::Progress progress = stats ? bar.Listener() : nullptr;
  for (size_t i = 0; i < file.tensors().size(); ++i) {
    const gguf::TensorInfo& tensor = file.tensors()[i];
    std::string range;
    if (stats && tensor.supported) {
      if (progress != nullptr) progress(i, file.tensors().size(), tensor.name);
      const tools::TensorStats found = tools::StatsOf(tensor);
      char text[120];
      std::snprintf(text, sizeof text, "  %.4g, %.4g, %.4g", static_cast<double>(found.least),
                    static_cast<double>(found.most), found.rms);
      range = text;
      if (found.not_finite > 0) range += ", " + std::to_string(found.not_finite) + " not finite";
    } else if (stats) {
      range = "  (a type that is not read)";
    }
    Total one;
    one.Add(tensor);
    bar.Clear();
    std::printf("%-42s %-7s %12" PRIu64 " %12zu %6.3f  [%s]%s\n", tensor.name.c_str(),
                std::string(tensor.type_name).c_str(), tensor.offset_bytes, tensor.data.size(),
                one.bits_per_weight(), absl::StrJoin(tensor.shape, ", ").c_str(), range.c_str());
  }
  const auto print = [](const char* name, const Total& total) {
    std::printf("%-8s %6" PRIu64 " tensors %14" PRIu64 " weights %14" PRIu64 " bytes %7.3f bits per weight\n",
                name, total.tensors, total.elements, total.bytes, total.bits_per_weight());
  };
  for (const auto& [name, total] : ByType(file)) print(name.c_str(), total);
  print("all", OfAll(file));
}

json TensorsToJson(const gguf::ModelFile& file, bool stats) {
  json tensors = json::array();
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    json one = {{"name", tensor.name},
                {"type", tensor.type_name},
                {"shape", tensor.shape},
                {"offset", tensor.offset_bytes},
                {"bytes", tensor.data.size()}};
    if (stats && tensor.supported) {
      const tools::TensorStats found = tools::StatsOf(tensor);
      one["min"] = found.least;
      one["max"] = found.most;
      one["rms"] = found.rms;
      one["not_finite"] = found.not_finite;
    }
    tensors.push_back(std::move(one));
  }
  return tensors;
}

json TypesToJson(const gguf::ModelFile& file) {
  json types = json::object();
  for (const auto& [name, total] : ByType(file)) {
    types[name] = {{"tensors", total.tensors},
                   {"weights", total.elements},
                   {"bytes", total.bytes},
                   {"bits_per_weight", total.bits_per_weight()}};
  }
  return types;
}

}  // namespace linnet::probe
