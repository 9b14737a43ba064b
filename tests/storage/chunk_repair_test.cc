// A file that was complete, and rots: found by its hash, mended chunk by chunk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "runtime/base/hash.h"
#include "storage/chunks/chunk_store.h"
#include "tests/support/faulty_files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::chunks {
namespace {

using ::linnet::testing::FaultyFiles;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::linnet::testing::TempDir;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

constexpr uint32_t kChunk = 1000;

std::string HashOf(std::string_view bytes) { return std::string(base::AsView(base::Sha256(bytes))); }

std::string Noise(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

ChunkIndex Cut(std::string_view bytes) {
  ChunkIndex index{HashOf(bytes), bytes.size(), {}};
  for (size_t at = 0; at < bytes.size(); at += kChunk) {
    const std::string_view piece = bytes.substr(at, kChunk);
    index.chunks.push_back({HashOf(piece), at, static_cast<uint32_t>(piece.size())});
  }
  return index;
}

class CountingSource final : public ChunkSource {
 public:
  void Add(std::string_view bytes) {
    for (const Chunk& chunk : Cut(bytes).chunks) {
      chunks_[chunk.sha256] = std::string(bytes.substr(chunk.offset, chunk.length));
    }
  }
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view, std::string_view)>& on_chunk) override {
    for (const std::string& hash : sha256) {
      if (fetched == most) return absl::UnavailableError("line broke");
      ++fetched;
      if (const absl::Status status = on_chunk(hash, chunks_[hash]); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  int fetched = 0, most = -1;

 private:
  std::map<std::string, std::string> chunks_;
};

class ChunkRepairTest : public ::testing::Test {
 protected:
  ChunkRepairTest() : bytes_(Noise(20500, 1)), index_(Cut(bytes_)) {
    source_.Add(bytes_);
    Reopen();
  }
  void Reopen() {
    store_.reset();
    db_.reset();
    auto db = db::Database::Open(dir_ / "state.db", db::Durability::kFull);
    ASSERT_THAT(db, IsOk());
    db_ = *std::move(db);
    auto store = ChunkStore::Open(files_, dir_ / "chunks", *db_);
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }
  absl::Status Complete() { return store_->Complete(index_, source_, nullptr, nullptr).status(); }
  std::string Path() { return dir_ / ("chunks/" + base::Hex(index_.file_sha256)); }
  void Flip(size_t at) {
    std::fstream file(Path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(~bytes_[at]));
  }
  void ExpectWhole() {
    ASSERT_THAT(store_->PathOf(index_.file_sha256), IsOk());
    EXPECT_EQ(files_.ReadFile(Path(), 1 << 20).value_or(""), bytes_);
    EXPECT_THAT(store_->Recheck(index_.file_sha256, nullptr), IsOk());
  }

  TempDir dir_;
  FaultyFiles files_;
  std::string bytes_;
  ChunkIndex index_;
  CountingSource source_;
  std::unique_ptr<db::Database> db_;
  std::unique_ptr<ChunkStore> store_;
};

TEST_F(ChunkRepairTest, ADamagedFileIsNoFileAnyMoreAndOnlyItsBadChunksAreFetched) {
  ASSERT_THAT(Complete(), IsOk());
  EXPECT_THAT(store_->Recheck(index_.file_sha256, nullptr), IsOk());
  Flip(4321);
  Flip(9999);
  ASSERT_THAT(store_->PathOf(index_.file_sha256), IsOk()) << "the size is right";
  EXPECT_THAT(store_->Recheck(index_.file_sha256, nullptr),
              StatusIs(Code::kDataLoss, HasSubstr("damaged: has the SHA-256")));
  EXPECT_THAT(store_->PathOf(index_.file_sha256), StatusIs(Code::kNotFound));
  Reopen();
  EXPECT_THAT(store_->Recheck(index_.file_sha256, nullptr), StatusIs(Code::kNotFound));
  // How it is cut is known here still.
  auto index = store_->IndexOf(index_.file_sha256);
  ASSERT_THAT(index, IsOk());
  EXPECT_EQ(index->ToJson(), index_.ToJson());
  source_.fetched = 0;
  ASSERT_THAT(Complete(), IsOk());
  EXPECT_EQ(source_.fetched, 2);
  ExpectWhole();
}

TEST_F(ChunkRepairTest, ATruncatedADeletedAndAGrownFileAreFoundAndMended) {
  for (const int kind : {0, 1, 2}) {
    ASSERT_THAT(Complete(), IsOk());
    if (kind == 0) std::filesystem::resize_file(Path(), 10'500);
    if (kind == 1) std::filesystem::remove(Path());
    if (kind == 2) std::ofstream(Path(), std::ios::binary | std::ios::app) << "more";
    EXPECT_THAT(store_->Recheck(index_.file_sha256, nullptr), StatusIs(Code::kDataLoss)) << kind;
    source_.fetched = 0;
    ASSERT_THAT(Complete(), IsOk()) << kind;
    EXPECT_EQ(source_.fetched, kind == 0 ? 11 : kind == 1 ? 21 : 0) << kind;
    ExpectWhole();
  }
}

TEST_F(ChunkRepairTest, CompleteBelievesNoFileForItsSize) {
  ASSERT_THAT(Complete(), IsOk());
  Flip(100);
  source_.fetched = 0;
  ASSERT_THAT(Complete(), IsOk()) << "whoever wants a file gets that file";
  EXPECT_EQ(source_.fetched, 1);
  ExpectWhole();
}

TEST_F(ChunkRepairTest, ARecheckThatIsStoppedDecidesNothing) {
  ASSERT_THAT(Complete(), IsOk());
  Flip(100);
  EXPECT_THAT(store_->Recheck(index_.file_sha256, [] { return true; }), StatusIs(Code::kCancelled));
  EXPECT_THAT(store_->PathOf(index_.file_sha256), IsOk());
  EXPECT_THAT(store_->Recheck(HashOf("unknown"), nullptr), StatusIs(Code::kNotFound));
  EXPECT_THAT(store_->IndexOf(HashOf("unknown")), StatusIs(Code::kNotFound));
}

TEST_F(ChunkRepairTest, APowerCutAtAnyChangeOfARepairLosesNoGoodChunkThatWasThere) {
  int n = 0;
  for (bool failed = true; failed; ++n) {
    ASSERT_THAT(Complete(), IsOk());
    Flip(100);
    EXPECT_THAT(store_->Recheck(index_.file_sha256, nullptr), StatusIs(Code::kDataLoss));
    files_.FailAfter(n);
    const absl::Status status = Complete();
    failed = files_.failed();
    EXPECT_EQ(status.ok(), !failed) << n;
    files_.Repair();
    files_.CutPower();
    Reopen();
    source_.fetched = 0;
    ASSERT_THAT(Complete(), IsOk()) << n;
    EXPECT_LE(source_.fetched, 1) << n;
    ExpectWhole();
  }
  EXPECT_GT(n, 4);
}

TEST_F(ChunkRepairTest, AnUnfinishedFileIsGoodForAnother) {
  source_.most = 12;
  EXPECT_THAT(Complete(), StatusIs(Code::kUnavailable));
  std::string other = bytes_;
  other[500] ^= 1;
  source_.Add(other);
  source_.most = -1;
  source_.fetched = 0;
  ASSERT_THAT(store_->Complete(Cut(other), source_, nullptr, nullptr), IsOk());
  EXPECT_EQ(source_.fetched, 21 - 11) << "of the 12 that were here all but the changed one are copied";
  // And when nobody names it any more, nothing of it is left.
  ASSERT_THAT(store_->Collect({HashOf(other)}), IsOk());
  EXPECT_FALSE(std::filesystem::exists(Path() + ".part"));
  EXPECT_THAT(store_->IndexOf(index_.file_sha256), StatusIs(Code::kNotFound));
  EXPECT_THAT(store_->IndexOf(HashOf(other)), IsOk());
}

}  // namespace
}  // namespace linnet::chunks
