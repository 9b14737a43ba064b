#ifndef LINNET_DEPLOY_PROBE_KV_FLAG_H_
#define LINNET_DEPLOY_PROBE_KV_FLAG_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "runtime/kernels/types.h"

namespace linnet::probe {

// --kv f32|f16.
inline void AddKvFlag(CLI::App* app, std::optional<kernels::KvType>& kv) {
  app->add_option_function<std::string>(
         "--kv",
         [&kv](const std::string& word) {
           kv = word == "f16" ? kernels::KvType::kF16 : kernels::KvType::kF32;
         },
         "how keys and values are kept: f32 or f16; default: f16, but f32 for files of F32 weights")
      ->check(CLI::IsMember({"f32", "f16"}));
}

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_KV_FLAG_H_
