#include <sys/prctl.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/thread_pool.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/transformer.h"
#include "runtime/pack/packed_file.h"

// What a token costs that is chosen greedily: `token_counts MODEL [PROMPT]` evaluates a prompt of so many
// tokens (64), then eight more one at a time, and one, each of the three in a phase of the plugins
// (qemu_plugin.h). Standard output says which phase is what, and for how many tokens it is: "NUMBER NAME
// TOKENS".

namespace linnet {
namespace {

constexpr int kMark = 0x4c4e5450;
constexpr uint32_t kMostPrompt = 64, kDecoded = 8;

absl::Status Run(const std::string& path, uint32_t prompt_tokens) {
  base::FileSystem& fs = base::FileSystem::Real();
  std::string error;
  const kernels::Variant* set = kernels::SelectFromEnvironment(&error);
  if (set == nullptr) return absl::InvalidArgumentError(error);
  LINNET_ASSIGN_OR_RETURN(const auto file, pack::OpenModel(fs, path));
  base::ThreadPool pool(1);
  LINNET_ASSIGN_OR_RETURN(const auto model, model::Transformer::Create(*file, set->ops, pool, kMostPrompt));
  std::vector<float> logits(model->config().vocabulary);
  const model::Wanted greedy = {.highest = 1, .ids = model->config().vocabulary};
  // The first time binds symbols.
  for (unsigned long counted = 0; counted < 2; ++counted) {
    LINNET_ASSIGN_OR_RETURN(const auto kv, model::KvCache::Create(model->config(), 2 * kMostPrompt,
                                                                  model::KvTypeFor(model->weights())));
    std::vector<int32_t> prompt(prompt_tokens);
    for (uint32_t i = 0; i < prompt_tokens; ++i) prompt[i] = static_cast<int32_t>(100 + 7 * i);
    const auto evaluate = [&](std::span<const int32_t> tokens) {
      const model::Segment part = {tokens, kv.get(), 1, greedy};
      model->Forward(std::span(&part, 1), logits);
    };
    prctl(kMark, counted, 0, 0, 0);
    evaluate(prompt);
    prctl(kMark, 2 * counted, 0, 0, 0);
    for (uint32_t i = 0; i < kDecoded; ++i) {
      const int32_t token[1] = {static_cast<int32_t>(200 + i)};
      evaluate(token);
    }
    prctl(kMark, 3 * counted, 0, 0, 0);
    const int32_t last[1] = {300};
    evaluate(last);
    prctl(kMark, 0, 0, 0, 0);
  }
  std::printf("1 prefill %u\n2 decode %u\n3 one 1\n", prompt_tokens, kDecoded);
  return absl::OkStatus();
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  const std::string_view prompt = argc == 3 ? argv[2] : "64";
  uint32_t tokens = 0;
  std::from_chars(prompt.data(), prompt.data() + prompt.size(), tokens);
  if (argc < 2 || argc > 3 || tokens == 0 || tokens > linnet::kMostPrompt) {
    std::fprintf(stderr, "usage: token_counts MODEL [1 .. %u]\n", linnet::kMostPrompt);
    return 2;
  }
  const absl::Status status = linnet::Run(argv[1], tokens);
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
