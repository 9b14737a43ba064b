#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "runtime/base/hash.h"
#include "storage/chunks/chunk_store.h"
#include "tests/support/temp_dir.h"

namespace linnet::chunks {
namespace {

using ::linnet::testing::TempDir;
using ::testing::HasSubstr;

std::string HashOf(std::string_view bytes) { return std::string(base::AsView(base::Sha256(bytes))); }

ChunkIndex Small() { return {HashOf("abcdef"), 6, {{HashOf("abcd"), 0, 4}, {HashOf("ef"), 4, 2}}}; }

TEST(ChunkIndexTest, RoundTripsItsJson) {
  const std::string json = Small().ToJson();
  auto index = ChunkIndex::FromJson(json);
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->ToJson(), json);
  EXPECT_EQ(index->chunks[1].offset, 4u);
  EXPECT_EQ(index->file_sha256, HashOf("abcdef"));
}

TEST(ChunkIndexTest, CutsAFile) {
  TempDir dir;
  std::ofstream(dir / "f") << std::string(1000, 'x') << "tail";
  auto index = ChunkIndex::OfFile(base::FileSystem::Real(), dir / "f", 100);
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->file_bytes, 1004u);
  ASSERT_EQ(index->chunks.size(), 11u);
  EXPECT_EQ(index->chunks[10].length, 4u);
  EXPECT_EQ(index->chunks[10].sha256, HashOf("tail"));
  EXPECT_EQ(index->file_sha256, HashOf(std::string(1000, 'x') + "tail"));
}

TEST(ChunkIndexTest, ChunksGrowSoThatTheIndexOfALargeFileTravelsAsOne) {
  EXPECT_EQ(ChunkBytesFor(1), 256u << 10);
  uint64_t most = 0;
  for (const uint64_t gib : {1, 4, 8, 12, 20, 31}) {
    ChunkIndex index;
    index.file_sha256 = HashOf("f");
    index.file_bytes = gib << 30;
    const uint32_t chunk_bytes = ChunkBytesFor(index.file_bytes);
    ASSERT_GT(chunk_bytes, 0u) << gib;
    for (uint64_t at = 0; at < index.file_bytes; at += chunk_bytes) {
      index.chunks.push_back({HashOf("c"), at, chunk_bytes});
    }
    EXPECT_TRUE(index.Check().ok()) << gib;
    most = std::max<uint64_t>(most, index.ToJson().size());
  }
  EXPECT_LE(most, kMaxSmallBytes);
  EXPECT_EQ(ChunkBytesFor(uint64_t{33} << 30), 0u);
}

TEST(ChunkIndexTest, AnEmptyFileHasNoChunks) {
  TempDir dir;
  std::ofstream(dir / "f");
  auto index = ChunkIndex::OfFile(base::FileSystem::Real(), dir / "f");
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_TRUE(index->chunks.empty());
  EXPECT_TRUE(ChunkIndex::FromJson(index->ToJson()).ok());
}

struct BadIndex {
  const char* name;
  std::string from, to;  // replaced in the JSON of a good one
  const char* says;
};

class BadIndexTest : public ::testing::TestWithParam<BadIndex> {};

TEST_P(BadIndexTest, IsRefused) {
  std::string json = Small().ToJson();
  const size_t at = json.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  json.replace(at, GetParam().from.size(), GetParam().to);
  auto index = ChunkIndex::FromJson(json);
  EXPECT_EQ(index.status().code(), absl::StatusCode::kDataLoss) << index.status();
  EXPECT_THAT(std::string(index.status().message()), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadIndexTest,
    ::testing::Values(BadIndex{"NotJson", "{", "", "not a JSON object"},
                      BadIndex{"Trailing", "\"}", "\"} x", "JSON"},
                      BadIndex{"Format", "linnet-chunks-1", "linnet-chunks-2", "format"},
                      BadIndex{"ShortHash", base::Hex(HashOf("ef")), "abcd", "64 hex digits"},
                      BadIndex{"ZeroChunk", "\"length\":2", "\"length\":0", "0 bytes"},
                      BadIndex{"HugeChunk", "\"length\":2", "\"length\":1048577", "at most"},
                      BadIndex{"NegativeChunk", "\"length\":2", "\"length\":-2", "not a number"},
                      BadIndex{"FloatChunk", "\"length\":2", "\"length\":2.0", "not a number"},
                      BadIndex{"WrongSum", "\"file_bytes\":6", "\"file_bytes\":7", "chunks end at byte 6"},
                      BadIndex{"HugeFile", "\"file_bytes\":6", "\"file_bytes\":99999999999999", "at most"},
                      BadIndex{"KeyTwice", "\"file_bytes\":6", "\"file_bytes\":6,\"file_bytes\":6",
                               "canonical"},
                      BadIndex{"UnknownKey", "\"file_bytes\":6", "\"file_bytes\":6,\"more\":1", "canonical"},
                      BadIndex{"Spaces", ",", ", ", "canonical"},
                      BadIndex{"NoList", "\"chunks\":[", "\"chunks\":1,\"x\":[", "not a list"}),
    [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace linnet::chunks
