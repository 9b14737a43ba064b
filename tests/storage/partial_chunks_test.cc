#include "storage/chunks/partial_chunks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "runtime/base/hash.h"
#include "storage/chunks/chunk_store.h"
#include "tests/support/temp_dir.h"

namespace linnet::chunks {
namespace {

constexpr int kChunks = 8;
constexpr uint32_t kChunkBytes = 500;

// Gives a file's chunks one after another, and says of each that comes which ones can be read beside it.
class WatchedSource final : public ChunkSource {
 public:
  WatchedSource(const ChunkIndex& index, const std::string& bytes, const PartialChunks& partial)
      : index_(index), bytes_(bytes), partial_(partial) {}
  int Readable() const {
    int readable = 0;
    for (const Chunk& chunk : index_.chunks) {
      const auto data = partial_.Read(base::FileSystem::Real(), chunk.sha256);
      if (data.ok()) {
        EXPECT_EQ(*data, bytes_.substr(chunk.offset, chunk.length));
        ++readable;
      }
    }
    return readable;
  }
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view, std::string_view)>& on_chunk) override {
    for (const std::string& hash : sha256) {
      seen.push_back(Readable());
      if (break_after == static_cast<int>(seen.size())) return absl::UnavailableError("line broke");
      if (seen.size() == 1) {
        EXPECT_TRUE(on_chunk(hash, "wrong").ok());
      }
      for (const Chunk& chunk : index_.chunks) {
        if (chunk.sha256 != hash) continue;
        EXPECT_TRUE(on_chunk(hash, bytes_.substr(chunk.offset, chunk.length)).ok());
      }
    }
    return absl::OkStatus();
  }
  std::vector<int> seen;
  int break_after = -1;

 private:
  const ChunkIndex& index_;
  const std::string& bytes_;
  const PartialChunks& partial_;
};

class PartialChunksTest : public ::testing::Test {
 protected:
  PartialChunksTest() {
    for (int i = 0; i < kChunks; ++i) bytes_ += std::string(kChunkBytes, static_cast<char>('a' + i));
    std::ofstream(dir_ / "file") << bytes_;
    index_ = *ChunkIndex::OfFile(base::FileSystem::Real(), dir_ / "file", kChunkBytes);
    db_ = *db::Database::Open(dir_ / "state.db", db::Durability::kFull);
    store_ = *ChunkStore::Open(base::FileSystem::Real(), dir_ / "chunks", *db_, &partial_);
  }

  linnet::testing::TempDir dir_;
  std::string bytes_;
  ChunkIndex index_;
  PartialChunks partial_;
  std::unique_ptr<db::Database> db_;
  std::unique_ptr<ChunkStore> store_;
};

TEST_F(PartialChunksTest, HoldsExactlyWhatWasVerifiedAndNothingAfterwards) {
  WatchedSource source(index_, bytes_, partial_);
  source.break_after = 4;
  // A wrong chunk is borne; it is not among those that can be read.
  EXPECT_FALSE(store_->Complete(index_, source, nullptr, nullptr).ok());
  EXPECT_THAT(source.seen, ::testing::ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(source.Readable(), 0) << "nobody is at it now";
}

TEST_F(PartialChunksTest, WhatAnotherProcessLeftIsReadAfterItWasHashedAgain) {
  WatchedSource broken(index_, bytes_, partial_);
  broken.break_after = 4;
  EXPECT_FALSE(store_->Complete(index_, broken, nullptr, nullptr).ok());
  WatchedSource again(index_, bytes_, partial_);
  again.break_after = 1;
  EXPECT_FALSE(store_->Complete(index_, again, nullptr, nullptr).ok());
  EXPECT_THAT(again.seen, ::testing::ElementsAre(3));
}

TEST_F(PartialChunksTest, ADamagedFileGivesNothingWrong) {
  const std::string part = dir_ / "part";
  std::ofstream(part) << bytes_;
  partial_.Begin(part);
  const Chunk& chunk = index_.chunks[2];
  partial_.Note(chunk.sha256, chunk.offset, chunk.length);
  EXPECT_TRUE(partial_.Read(base::FileSystem::Real(), chunk.sha256).ok());
  std::string damaged = bytes_;
  damaged[chunk.offset + 7] ^= 1;
  std::ofstream(part) << damaged;
  EXPECT_TRUE(absl::IsNotFound(partial_.Read(base::FileSystem::Real(), chunk.sha256).status()));
  std::filesystem::remove(part);
  EXPECT_TRUE(absl::IsNotFound(partial_.Read(base::FileSystem::Real(), chunk.sha256).status()));
}

}  // namespace
}  // namespace linnet::chunks
