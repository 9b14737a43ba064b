#include "storage/chunks/chunk_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <random>

#include "runtime/base/hash.h"
#include "runtime/base/reservable.h"
#include "tests/support/faulty_files.h"
#include "tests/support/temp_dir.h"

namespace linnet::chunks {
namespace {

using ::linnet::testing::FaultyFiles;
using ::linnet::testing::TempDir;
using ::testing::HasSubstr;

constexpr uint32_t kChunk = 1000;

std::string HashOf(std::string_view bytes) { return std::string(base::AsView(base::Sha256(bytes))); }
std::string Message(const absl::Status& status) { return std::string(status.message()); }

std::string Noise(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

ChunkIndex IndexOf(std::string_view bytes) {
  ChunkIndex index{HashOf(bytes), bytes.size(), {}};
  for (size_t at = 0; at < bytes.size(); at += kChunk) {
    const std::string_view piece = bytes.substr(at, kChunk);
    index.chunks.push_back({HashOf(piece), at, static_cast<uint32_t>(piece.size())});
  }
  return index;
}

// Serves chunks of what it was given; counts, breaks off, lies.
class TestSource final : public ChunkSource {
 public:
  void Add(std::string_view bytes) {
    for (const Chunk& chunk : IndexOf(bytes).chunks) {
      chunks_[chunk.sha256] = std::string(bytes.substr(chunk.offset, chunk.length));
    }
  }
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view, std::string_view)>& on_chunk) override {
    for (const std::string& hash : sha256) {
      if (break_after == 0) {
        break_after = -1;
        ++fetched;  // under way when the line broke: paid for, not delivered
        return absl::UnavailableError("line broke");
      }
      if (break_after > 0) --break_after;
      std::string data = chunks_[hash];
      ++fetched;
      if (lies) data[0] ^= 1;
      if (const absl::Status status = on_chunk(hash, data); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  int fetched = 0;
  int break_after = -1;
  bool lies = false;

 private:
  std::map<std::string, std::string> chunks_;
};

class ChunkStoreTest : public ::testing::Test {
 protected:
  ChunkStoreTest() : bytes_(Noise(20500, 1)), index_(IndexOf(bytes_)) {
    source_.Add(bytes_);
    Reopen();
  }
  void Reopen() {
    store_.reset();
    db_.reset();
    auto db = db::Database::Open(dir_ / "state.db", db::Durability::kFull);
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
    auto store = ChunkStore::Open(files_, dir_ / "chunks", *db_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  absl::StatusOr<std::string> Complete() { return store_->Complete(index_, source_, nullptr, nullptr); }
  std::string Part() { return dir_ / ("chunks/" + base::Hex(index_.file_sha256) + ".part"); }
  void ExpectComplete() {
    auto path = store_->PathOf(index_.file_sha256);
    ASSERT_TRUE(path.ok()) << path.status();
    EXPECT_EQ(files_.ReadFile(*path, 1 << 20).value_or(""), bytes_);
  }

  TempDir dir_;
  FaultyFiles files_;
  std::string bytes_;
  ChunkIndex index_;
  TestSource source_;
  std::unique_ptr<db::Database> db_;
  std::unique_ptr<ChunkStore> store_;
};

TEST_F(ChunkStoreTest, DownloadsAndRemembers) {
  EXPECT_EQ(store_->PathOf(index_.file_sha256).status().code(), absl::StatusCode::kNotFound);
  std::vector<uint64_t> seen;
  auto path =
      store_->Complete(index_, source_, [&](uint64_t done, uint64_t) { seen.push_back(done); }, nullptr);
  ASSERT_TRUE(path.ok()) << path.status();
  ExpectComplete();
  EXPECT_EQ(source_.fetched, 21);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), bytes_.size());
  Reopen();
  ExpectComplete();
  EXPECT_TRUE(Complete().ok());
  EXPECT_EQ(source_.fetched, 21) << "nothing is fetched twice";
  EXPECT_EQ(store_->ReadChunk(index_.chunks[3].sha256).value_or(""), bytes_.substr(3000, 1000));
}

TEST_F(ChunkStoreTest, TwentyInterruptionsCostAtMostOneChunkEach) {
  int interruptions = 0;
  for (int i = 0; i < 20; ++i) {
    source_.break_after = 1;
    if (Complete().status().code() == absl::StatusCode::kUnavailable) ++interruptions;
    Reopen();
  }
  source_.break_after = -1;
  ASSERT_TRUE(Complete().ok());
  ExpectComplete();
  EXPECT_EQ(interruptions, 20);
  EXPECT_LE(source_.fetched, 21 + interruptions);
}

TEST_F(ChunkStoreTest, RefetchesOnlyBadChunksOfAPartialFile) {
  source_.break_after = 15;
  ASSERT_FALSE(Complete().ok());
  Reopen();
  {
    std::fstream part(Part(), std::ios::in | std::ios::out | std::ios::binary);
    part.seekp(4321);
    part.put(static_cast<char>(~bytes_[4321]));
  }
  source_.fetched = 0;
  ASSERT_TRUE(Complete().ok());
  ExpectComplete();
  EXPECT_EQ(source_.fetched, 21 - 15 + 1);
}

TEST_F(ChunkStoreTest, APartialFileThatIsTooLongIsCut) {
  std::ofstream(Part()) << bytes_ << "more than the index says";
  ASSERT_TRUE(Complete().ok());
  ExpectComplete();
  EXPECT_EQ(source_.fetched, 0);
}

TEST_F(ChunkStoreTest, CopiesWhatOtherFilesHold) {
  ASSERT_TRUE(Complete().ok());
  std::string changed = bytes_;
  changed[7777] ^= 1;
  changed += "a new tail";
  source_.Add(changed);
  source_.fetched = 0;
  auto path = store_->Complete(IndexOf(changed), source_, nullptr, nullptr);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(source_.fetched, 2) << "the changed chunk and the last one";
  EXPECT_EQ(files_.ReadFile(*path, 1 << 20).value_or(""), changed);
}

TEST_F(ChunkStoreTest, EqualChunksOfAFileAreFetchedOnce) {
  const std::string zeros(5000, '\0');
  source_.Add(zeros);
  auto path = store_->Complete(IndexOf(zeros), source_, nullptr, nullptr);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(source_.fetched, 1);
}

TEST_F(ChunkStoreTest, ALyingSourceIsDataLossAndItsBytesAreNotKept) {
  source_.lies = true;
  const absl::Status status = Complete().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(Message(status), HasSubstr("wrong chunks"));
  EXPECT_LE(source_.fetched, 3) << "we stop listening to it";
  source_.lies = false;
  EXPECT_TRUE(Complete().ok());
  ExpectComplete();
}

TEST_F(ChunkStoreTest, ASourceThatSendsNothingEnds) {
  class Silent final : public ChunkSource {
    absl::Status Fetch(const std::vector<std::string>&,
                       const std::function<absl::Status(std::string_view, std::string_view)>&) override {
      return absl::OkStatus();
    }
  } silent;
  EXPECT_EQ(store_->Complete(index_, silent, nullptr, nullptr).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ChunkStoreTest, AnIndexWithAWrongFileHashIsDataLoss) {
  index_.file_sha256 = HashOf("something else");
  EXPECT_EQ(Complete().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(store_->PathOf(index_.file_sha256).ok());
  EXPECT_FALSE(files_.Stat(Part()).ok());
}

TEST_F(ChunkStoreTest, AFullDiskIsSaidBeforeAnythingIsFetched) {
  files_.SetFreeBytes(10000);
  const absl::Status status = Complete().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(Message(status), HasSubstr("free some space"));
  EXPECT_EQ(source_.fetched, 0);
  EXPECT_FALSE(store_->PutSmall("plan").ok());
}

TEST_F(ChunkStoreTest, RoomIsClaimedBeforeAnythingIsFetchedAndSparesTheDatabases) {
  constexpr uint64_t kSpare = 4 << 20;
  files_.SetFreeBytes(bytes_.size() + kSpare - 1);
  EXPECT_EQ(Complete().status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(source_.fetched, 0);
  EXPECT_EQ(files_.reserved_bytes(Part()), 0u) << "given back";
  files_.SetFreeBytes(bytes_.size() + kSpare);
  source_.break_after = 5;
  EXPECT_EQ(Complete().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(files_.reserved_bytes(Part()), bytes_.size()) << "held over the tries";
  EXPECT_EQ(files_.FreeBytes(dir_.path()).value_or(0), kSpare);
  // Others fill the disk: the room is ours already.
  files_.SetFreeBytes(0);
  EXPECT_TRUE(Complete().ok());
  ExpectComplete();
}

TEST_F(ChunkStoreTest, ATransferThatIsStoppedGivesItsRoomBack) {
  files_.SetFreeBytes(64 << 20);
  EXPECT_EQ(store_->Complete(index_, source_, nullptr, [&] { return source_.fetched >= 5; }).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_LE(files_.reserved_bytes(Part()), 6u * kChunk) << "what it holds stays";
  source_.fetched = 0;
  EXPECT_TRUE(Complete().ok());
  EXPECT_LE(source_.fetched, 21 - 4);
}

TEST_F(ChunkStoreTest, ADiskThatCannotReserveIsAskedForItsFreeRoom) {
  files_.SetCanReserve(false);
  files_.SetFreeBytes(bytes_.size() + (4 << 20) - 1);
  const absl::Status status = Complete().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(Message(status), HasSubstr("free some space"));
  EXPECT_EQ(source_.fetched, 0);
  files_.SetFreeBytes(bytes_.size() + (4 << 20));
  EXPECT_TRUE(Complete().ok());
  ExpectComplete();
}

TEST_F(ChunkStoreTest, ARealFileKeepsItsSizeWhileRoomIsClaimed) {
  source_.break_after = 1;
  EXPECT_EQ(Complete().status().code(), absl::StatusCode::kUnavailable);
  const auto blocks_of = [&] {
    struct stat info = {};
    EXPECT_EQ(stat(Part().c_str(), &info), 0);
    return static_cast<uint64_t>(info.st_blocks) * 512;
  };
  EXPECT_EQ(files_.Stat(Part())->size_bytes, kChunk) << "what a restart would hash";
  auto file = base::FileSystem::Real().OpenForWrite(Part());
  ASSERT_TRUE(file.ok());
  auto* reservable = dynamic_cast<base::Reservable*>(file->get());
  ASSERT_NE(reservable, nullptr);
  const absl::Status again = reservable->Reserve(bytes_.size());
  if (absl::IsUnimplemented(again)) GTEST_SKIP() << "the disk of temporary files reserves no room";
  ASSERT_TRUE(again.ok()) << again;
  EXPECT_GE(blocks_of(), bytes_.size());
  ASSERT_TRUE(reservable->Release().ok());
  EXPECT_LT(blocks_of(), bytes_.size());
  EXPECT_EQ(files_.Stat(Part())->size_bytes, kChunk);
  EXPECT_TRUE(Complete().ok());
  ExpectComplete();
}

TEST_F(ChunkStoreTest, ADiskThatFillsMeanwhileKeepsProgress) {
  files_.FailAfter(5, absl::ResourceExhaustedError("disk full"));
  EXPECT_EQ(Complete().status().code(), absl::StatusCode::kResourceExhausted);
  files_.Repair();
  source_.fetched = 0;
  EXPECT_TRUE(Complete().ok());
  EXPECT_EQ(source_.fetched, 21 - 5);
  ExpectComplete();
}

TEST_F(ChunkStoreTest, StopsWhenAskedTo) {
  int asked = 0;
  auto stopped = store_->Complete(index_, source_, nullptr, [&] { return ++asked > 10; });
  EXPECT_EQ(stopped.status().code(), absl::StatusCode::kCancelled);
  EXPECT_LT(source_.fetched, 21);
  EXPECT_TRUE(Complete().ok());
}

TEST_F(ChunkStoreTest, APowerCutAtEveryWriteLosesNothingThatWasAcknowledged) {
  int n = 0;
  for (;; ++n) {
    TempDir dir;
    FaultyFiles files;
    auto db = db::Database::Open(dir / "state.db", db::Durability::kFull);
    ASSERT_TRUE(db.ok());
    bool acknowledged = false;
    {
      auto store = ChunkStore::Open(files, dir / "chunks", **db);
      ASSERT_TRUE(store.ok());
      files.FailAfter(n);
      const bool small = (*store)->PutSmall("a plan").ok();
      acknowledged = small && (*store)->Complete(index_, source_, nullptr, nullptr).ok();
    }
    const bool failed = files.failed();
    files.Repair();
    files.CutPower();
    auto store = ChunkStore::Open(files, dir / "chunks", **db);
    ASSERT_TRUE(store.ok());
    if (auto path = (*store)->PathOf(index_.file_sha256); path.ok()) {
      EXPECT_EQ(files.ReadFile(*path, 1 << 20).value_or(""), bytes_) << "change " << n;
    } else {
      EXPECT_FALSE(acknowledged) << "change " << n;
    }
    auto path = (*store)->Complete(index_, source_, nullptr, nullptr);
    ASSERT_TRUE(path.ok()) << "change " << n << ": " << path.status();
    EXPECT_EQ(files.ReadFile(*path, 1 << 20).value_or(""), bytes_) << "change " << n;
    if (!failed) break;
  }
  EXPECT_GT(n, 25);
}

TEST_F(ChunkStoreTest, ADamagedFileIsNotReadAsAChunk) {
  auto path = Complete();
  ASSERT_TRUE(path.ok());
  {
    std::fstream file(*path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(10);
    file.put(static_cast<char>(~bytes_[10]));
  }
  EXPECT_EQ(store_->ReadChunk(index_.chunks[0].sha256).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store_->ReadChunk(index_.chunks[1].sha256).ok());
}

TEST_F(ChunkStoreTest, ImportsOnlyWhatTheIndexSays) {
  std::ofstream(dir_ / "model") << bytes_;
  ASSERT_TRUE(store_->Import(index_, dir_ / "model").ok());
  ExpectComplete();
  std::string other = bytes_;
  other[5] ^= 1;
  std::ofstream(dir_ / "tampered") << other;
  ChunkIndex next = IndexOf(Noise(20500, 2));
  const absl::Status status = store_->Import(next, dir_ / "tampered").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr("differ from the index"));
  std::ofstream(dir_ / "short") << "short";
  EXPECT_THAT(Message(store_->Import(next, dir_ / "short").status()), HasSubstr("has 5 bytes"));
}

TEST_F(ChunkStoreTest, SmallContentIsAChunk) {
  ASSERT_TRUE(store_->PutSmall("{\"plan\":1}").ok());
  ASSERT_TRUE(store_->PutSmall("{\"plan\":1}").ok());
  EXPECT_EQ(store_->ReadChunk(HashOf("{\"plan\":1}")).value_or(""), "{\"plan\":1}");
  EXPECT_EQ(store_->PutSmall(std::string(kMaxSmallBytes + 1, 'x')).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ChunkStoreTest, CollectKeepsWhatIsNamed) {
  ASSERT_TRUE(Complete().ok());
  ASSERT_TRUE(store_->PutSmall("plan").ok());
  std::ofstream(dir_ / ("chunks/" + base::Hex(HashOf("other")) + ".part")) << "half";
  std::ofstream(dir_ / "chunks/README") << "not ours";
  ASSERT_TRUE(store_->Collect({HashOf("plan")}).ok());
  EXPECT_FALSE(store_->PathOf(index_.file_sha256).ok());
  EXPECT_FALSE(store_->ReadChunk(index_.chunks[0].sha256).ok());
  EXPECT_EQ(store_->ReadChunk(HashOf("plan")).value_or(""), "plan");
  auto names = files_.List(dir_ / "chunks");
  ASSERT_TRUE(names.ok());
  EXPECT_THAT(*names, ::testing::UnorderedElementsAre("README", base::Hex(HashOf("plan"))));
}

}  // namespace
}  // namespace linnet::chunks
