#include "storage/chunks/chunk_cuts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace linnet::chunks {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kKiB = 1 << 10;
constexpr uint32_t kStep = 256 * kKiB;

// The cuts of a file that has parts of these sizes.
std::vector<uint32_t> Cut(const std::vector<uint64_t>& parts) {
  std::vector<uint64_t> borders;
  uint64_t end = 0;
  for (const uint64_t part : parts) borders.push_back(end += part);
  return CutLengths(end, borders, kStep);
}

TEST(ChunkCutsTest, APartIsCutFromItsOwnStart) {
  EXPECT_THAT(Cut({5000, kStep + 1, 2 * kStep}), ElementsAre(5000, kStep, 1, kStep, kStep));
}

TEST(ChunkCutsTest, SmallPartsThatFollowEachOtherShareAChunkAndLeaveLargeOnesAlone) {
  EXPECT_THAT(Cut({100, 200, 8 * kKiB, 300, 8 * kKiB, 1, 4095, 4096}),
              ElementsAre(300, 8 * kKiB, 300, 8 * kKiB, 4096, 4096));
  EXPECT_EQ(Cut(std::vector<uint64_t>(65, 4095)), (std::vector<uint32_t>{64 * 4095, 4095}));
}

TEST(ChunkCutsTest, BordersThatMakeNoSenseArePassedOver) {
  EXPECT_THAT(CutLengths(20000, {0, 8000, 8000, 3000, 20000, 20001, ~uint64_t{0}}, kStep),
              ElementsAre(8000, 12000));
  EXPECT_THAT(CutLengths(0, {1, 2}, kStep), ElementsAre());
}

TEST(ChunkCutsTest, CutsCoverTheFileAndMoveWithTheirPart) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<uint64_t> parts(100);
    for (uint64_t& part : parts) {
      part = 1 + random() % (random() % 2 == 0 ? 5 * kKiB : 3 * kStep);
    }
    const std::vector<uint32_t> cuts = Cut(parts);
    EXPECT_EQ(std::accumulate(cuts.begin(), cuts.end(), uint64_t{0}),
              std::accumulate(parts.begin(), parts.end(), uint64_t{0}));
    for (const uint32_t cut : cuts) EXPECT_LE(cut, kStep);
    // Another size of one part in front: whatever stands behind the next large part is cut as before.
    std::vector<uint64_t> moved = parts;
    moved[random() % 10] += 12345;
    const std::vector<uint32_t> after = Cut(moved);
    const size_t same = static_cast<size_t>(
        std::mismatch(cuts.rbegin(), cuts.rend(), after.rbegin(), after.rend()).first - cuts.rbegin());
    const uint64_t same_bytes =
        std::accumulate(cuts.rbegin(), cuts.rbegin() + static_cast<ptrdiff_t>(same), uint64_t{0});
    uint64_t behind = 0;
    for (size_t i = 80; i < parts.size(); ++i) behind += parts[i];
    EXPECT_GE(same_bytes, behind);
  }
}

// The tensors of a llama as a GGUF lists them; Q4_0 matrices, F32 norms.
std::vector<uint64_t> Llama(uint64_t dim, uint64_t hidden, uint64_t keys, int layers, uint64_t head_bytes) {
  const auto matrix = [&](uint64_t rows, uint64_t cols) { return rows * cols * 18 / 32; };
  std::vector<uint64_t> parts{head_bytes};
  for (int i = 0; i < layers; ++i) {
    for (const uint64_t part :
         {dim * 4, matrix(hidden, dim), matrix(hidden, dim), matrix(hidden, dim), dim * 4, matrix(keys, dim),
          matrix(dim, dim), matrix(dim, dim), matrix(keys, dim)}) {
      parts.push_back(part);
    }
  }
  parts.push_back(dim * 4);
  return parts;
}

TEST(ChunkCutsTest, AModelsChunksStayFew) {
  struct Shape {
    const char* name;
    std::vector<uint64_t> parts;
  };
  for (const Shape& shape : {Shape{"135M", Llama(576, 1536, 192, 30, uint64_t{49152} * 576 * 34 / 32)},
                             Shape{"360M", Llama(960, 2560, 320, 32, uint64_t{49152} * 960 * 34 / 32)},
                             Shape{"1.7B", Llama(2048, 8192, 2048, 24, uint64_t{49152} * 2048 * 34 / 32)}}) {
    const uint64_t bytes = std::accumulate(shape.parts.begin(), shape.parts.end(), uint64_t{0});
    const size_t cuts = Cut(shape.parts).size();
    std::printf("%s: %zu chunks of %lu KiB on average, %.3f %% of the file as an index\n", shape.name, cuts,
                static_cast<unsigned long>(bytes / cuts / kKiB),
                100.0 * 95.0 * static_cast<double>(cuts) / static_cast<double>(bytes));
    EXPECT_LE(cuts, bytes / kStep + 2 * shape.parts.size()) << shape.name;
    EXPECT_GE(bytes / cuts, kStep / 2) << shape.name;
    EXPECT_LE(cuts * 95, bytes / 1000) << shape.name;
  }
}

TEST(ChunkCutsTest, AnIndexFitsHoweverManyPartsThereAre) {
  const auto borders = [](uint64_t parts, uint64_t bytes) {
    std::vector<uint64_t> list;
    for (uint64_t i = 1; i < parts; ++i) list.push_back(i * bytes);
    return list;
  };
  // In groups; in larger steps, for which more parts are small; as if there were none.
  EXPECT_EQ(LengthsFor(uint64_t{1'000'000} * 100, borders(1'000'000, 100)).size(), 1'000'000u / 64);
  EXPECT_EQ(LengthsFor(uint64_t{40'000} * 6000, borders(40'000, 6000)).size(), 40'000u / 64);
  EXPECT_EQ(LengthsFor(uint64_t{40'000} * 20'000, borders(40'000, 20'000)).size(),
            uint64_t{40'000} * 20'000 / kStep + 1);
  EXPECT_EQ(LengthsFor(kMostChunks * kMaxChunkBytes, {1 << 20, 9 << 18}).size(), kMostChunks);
  EXPECT_TRUE(LengthsFor(kMostChunks * kMaxChunkBytes + 1, {}).empty());
}

}  // namespace
}  // namespace linnet::chunks
