// A download whose process is killed with SIGKILL, again and again, at random moments.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>

#include "runtime/base/hash.h"
#include "storage/chunks/chunk_store.h"
#include "tests/support/faulty_files.h"
#include "tests/support/temp_dir.h"

namespace linnet::chunks {
namespace {

using ::linnet::testing::FaultyFiles;
using ::linnet::testing::TempDir;

constexpr size_t kBytes = 20 << 20;  // more than is written between two syncs
constexpr uint32_t kChunk = 64 << 10;
constexpr uint64_t kChunks = kBytes / kChunk;
constexpr int kKills = 20;

// Shared with the processes that die.
struct Counts {
  std::atomic<uint64_t> fetched{0};
};

// Where a process dies.
enum class Moment { kUnderWay, kInAWrite, kAfterAWrite };

class CountingSource final : public ChunkSource {
 public:
  CountingSource(const ChunkIndex& index, const std::string& bytes, Counts& counts)
      : bytes_(bytes), counts_(counts) {
    for (const Chunk& chunk : index.chunks) chunks_[chunk.sha256] = chunk;
  }
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view, std::string_view)>& on_chunk) override {
    for (const std::string& hash : sha256) {
      const Chunk& chunk = chunks_.at(hash);
      ++counts_.fetched;
      const bool last = left == 1;
      left = std::max(left - 1, 0);
      if (last && moment == Moment::kUnderWay) raise(SIGKILL);
      const absl::Status status = on_chunk(hash, std::string_view(bytes_).substr(chunk.offset, chunk.length));
      if (last || !status.ok()) raise(SIGKILL);
    }
    return absl::OkStatus();
  }
  int left = 0;  // chunks to go until this process dies; 0: it lives
  Moment moment = Moment::kUnderWay;

 private:
  const std::string& bytes_;
  Counts& counts_;
  std::map<std::string, Chunk> chunks_;
};

TEST(ChunkKillTest, TwentyKillsCostAtMostOneChunkEach) {
  const unsigned seed = 20;
  std::mt19937 random(seed);
  std::string bytes(kBytes, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(random());
  const TempDir dir(true);
  ASSERT_TRUE(base::FileSystem::Real().WriteFileAtomic(dir / "whole", bytes).ok());
  const auto index = ChunkIndex::OfFile(base::FileSystem::Real(), dir / "whole", kChunk);
  ASSERT_TRUE(index.ok()) << index.status();
  ASSERT_EQ(index->chunks.size(), kChunks);
  void* shared = mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& counts = *new (shared) Counts;

  // As the agent does at its start: everything is opened anew.
  const auto run = [&](int left, Moment moment) {
    FaultyFiles files;
    auto db = db::Database::Open(dir / "state.db", db::Durability::kFull);
    if (!db.ok()) return db.status();
    auto store = ChunkStore::Open(files, dir / "chunks", **db);
    if (!store.ok()) return store.status();
    CountingSource source(*index, bytes, counts);
    source.moment = moment;
    if (moment == Moment::kInAWrite) {
      files.FailAfter(left);  // half of that write arrives, and then the process dies
    } else {
      source.left = left;
    }
    return (*store)->Complete(*index, source, nullptr, nullptr).status();
  };
  int killed = 0;
  for (int kill = 0; kill < kKills; ++kill) {
    const auto moment = static_cast<Moment>(kill % 3);
    const int left = 1 + static_cast<int>(random() % (kChunks / kKills));
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      run(left, moment).IgnoreError();
      _exit(3);  // it ended though it had to die
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "kill " << kill << ", seed " << seed;
    ++killed;
  }
  const uint64_t before = counts.fetched;
  const absl::Status end = run(0, Moment::kAfterAWrite);
  ASSERT_TRUE(end.ok()) << end;
  std::printf("%d kills, %lu chunks of which %lu fetched twice\n", killed,
              static_cast<unsigned long>(counts.fetched),
              static_cast<unsigned long>(counts.fetched - kChunks));
  EXPECT_LE(counts.fetched, kChunks + kKills);
  EXPECT_GT(counts.fetched, before) << "the kills fell into the download, seed " << seed;
  EXPECT_GE(counts.fetched, kChunks);
  munmap(shared, sizeof(Counts));
}

}  // namespace
}  // namespace linnet::chunks
