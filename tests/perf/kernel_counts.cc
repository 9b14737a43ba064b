#include <sys/prctl.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "runtime/kernels/kernel_table.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/weight_types.h"

// Runs each packed product once, for one token and for several, each in a phase of insn_count.c; standard
// output says which phase is what: "NUMBER SET TYPE TOKENS PRODUCTS".

namespace linnet::kernels {
namespace {

constexpr size_t kRows = 256, kCols = 1024, kMostTokens = 32;
constexpr size_t kTokenCounts[] = {1, 2, 3, 4, 5, 8, 32};
constexpr int kMark = 0x4c4e5450;

int Run() {
  std::string error;
  const Variant* set = SelectFromEnvironment(&error);
  if (set == nullptr) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  const std::vector<ActBlock> small(kMostTokens * kCols / kBlock);
  const std::vector<ActBlock256> large(kMostTokens * kCols / kBlock256);
  std::vector<float> y(kMostTokens * kRows);
  unsigned long phase = 0;
  for (const TileFormat& format : kTileFormats) {
    const size_t bytes = TiledBytes(format, kRows, kCols);
    std::vector<uint8_t> memory(bytes + kTileAlign);
    void* tiles = memory.data();
    size_t space = memory.size();
    std::align(kTileAlign, bytes, tiles, space);
    const void* x = format.block == kBlock ? static_cast<const void*>(small.data()) : large.data();
    for (const size_t tokens : kTokenCounts) {
      std::printf("%lu %s %s %zu %zu\n", ++phase, set->name, std::string(InfoOf(format.type).name).c_str(),
                  tokens, kRows * kCols * tokens);
      for (int i = 0; i < 2; ++i) {  // the first time binds symbols
        if (i == 1) prctl(kMark, phase, 0, 0, 0);
        set->ops.tile_matmul[format.type](tiles, x, y.data(), kRows, kCols, tokens, kRows);
        if (i == 1) prctl(kMark, 0, 0, 0, 0);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace linnet::kernels

int main() { return linnet::kernels::Run(); }
