#include <sys/prctl.h>

#include <cstdio>
#include <string>
#include <utility>

#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/thread_pool.h"
#include "runtime/engine/engine.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/transformer.h"
#include "runtime/pack/packed_file.h"
#include "runtime/tokenizer/tokenizer.h"

// What loading a model costs: `load_counts MODEL` loads it as a new process does, encodes a text, and then
// takes the steps of Engine::Load one by one, which find what a process does once already done; each in a
// phase of insn_count.c. Standard output says which phase is what: "NUMBER NAME".

namespace linnet {
namespace {

constexpr int kMark = 0x4c4e5450;

// Steps stand between two marks; phase 0 is what nobody asked for.
template <typename Step>
auto Counted(unsigned long phase, const char* name, Step step) {
  std::printf("%lu %s\n", phase, name);
  prctl(kMark, phase, 0, 0, 0);
  auto result = step();
  prctl(kMark, 0, 0, 0, 0);
  return result;
}

absl::Status Run(const std::string& path) {
  base::FileSystem& fs = base::FileSystem::Real();
  {
    LINNET_ASSIGN_OR_RETURN(const auto engine, Counted(1, "load", [&] {
                              return engine::Engine::Load(fs, path, {.threads = 1, .context_tokens = 512});
                            }));
    Counted(2, "encode",
            [&] { return engine->tokenizer().Encode("What does a lighthouse keeper do at night?", {}); });
  }
  std::string error;
  const kernels::Variant* set = Counted(3, "kernels", [&] { return kernels::SelectFromEnvironment(&error); });
  LINNET_ASSIGN_OR_RETURN(const auto file, Counted(4, "file", [&] { return pack::OpenModel(fs, path); }));
  base::ThreadPool pool(1);
  LINNET_ASSIGN_OR_RETURN(const auto model, Counted(5, "model", [&] {
                            return model::Transformer::Create(*file, set->ops, pool, 64);
                          }));
  return Counted(6, "tokenizer", [&] { return tokenizer::Tokenizer::Create(*file); }).status();
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: load_counts MODEL\n");
    return 2;
  }
  const absl::Status status = linnet::Run(argv[1]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
