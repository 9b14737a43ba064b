#ifndef LINNET_DEPLOY_PROBE_KV_FLAG_H_
#define LINNET_DEPLOY_PROBE_KV_FLAG_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/kernels/kv_types.h"

namespace linnet::probe {

// --kv f32|f16|q8, or `flag` with `help`.
inline void AddKvFlag(
    CLI::App* app, std::optional<kernels::KvType>& kv, const std::string& flag = "--kv",
    const std::string& help =
        "how keys and values are kept: f32, f16, or q8 (8 bits: half of f16's memory, a little "
        "less exact); default: f16, but f32 for files of F32 weights") {
  std::vector<std::string> names;
  for (const kernels::KvTypeInfo& info : kernels::kKvTypes) names.emplace_back(info.name);
  app->add_option_function<std::string>(
         flag, [&kv](const std::string& word) { kv = kernels::FindKvType(word)->type; }, help)
      ->check(CLI::IsMember(names));
}

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_KV_FLAG_H_
