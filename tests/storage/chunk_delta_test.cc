// What an update costs on the line: chunks that a device lacks, and the new index. Packs of a real shape go
// through the real store; a source counts what is fetched from it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/hash.h"
#include "runtime/pack/pack_borders.h"
#include "storage/chunks/chunk_store.h"
#include "tests/storage/shaped_model.h"
#include "tests/support/temp_dir.h"

namespace linnet::chunks {
namespace {

using ::linnet::testing::ShapedChanges;
using ::linnet::testing::ShapedModel;
using ::linnet::testing::TempDir;

base::FileSystem& Real() { return base::FileSystem::Real(); }

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) ADD_FAILURE() << value.status();
  return *std::move(value);
}

// Serves the chunks of one file and counts them.
class CountingSource final : public ChunkSource {
 public:
  CountingSource(std::string path, const ChunkIndex& index) : path_(std::move(path)) {
    for (const Chunk& chunk : index.chunks) chunks_[chunk.sha256] = chunk;
  }
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view, std::string_view)>& on_chunk) override {
    for (const std::string& hash : sha256) {
      const Chunk& chunk = chunks_.at(hash);
      const std::string data = OrDie(Real().ReadAt(path_, chunk.offset, chunk.length));
      bytes += data.size();
      if (const absl::Status status = on_chunk(hash, data); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  uint64_t bytes = 0;

 private:
  const std::string path_;
  std::map<std::string, Chunk> chunks_;
};

struct Cost {
  uint64_t fetched = 0, index = 0;  // bytes
  uint64_t file = 0, head = 0;      // of the new pack: all, and up to its metadata
  uint64_t all() const { return fetched + index; }
  double percent() const { return 100.0 * static_cast<double>(all()) / static_cast<double>(file); }
};

class ChunkDeltaTest : public ::testing::Test {
 protected:
  ChunkDeltaTest() {
    db_ = OrDie(db::Database::Open(dir_ / "state.db", db::Durability::kFull));
    store_ = OrDie(ChunkStore::Open(Real(), dir_ / "chunks", *db_));
    Install({});
  }
  // Fetches what the store lacks of a release, as a device does that has installed the ones before.
  Cost Install(const ShapedChanges& changes) {
    const std::string path = dir_ / "new.linnet";
    ShapedModel::Write(path, changes);
    const std::vector<uint64_t> borders = OrDie(pack::BordersOf(Real(), path));
    const ChunkIndex index = OrDie(ChunkIndex::OfFile(Real(), path, 0, borders));
    const std::string json = index.ToJson();
    EXPECT_TRUE(ChunkIndex::FromJson(json).ok());
    EXPECT_LE(json.size(), kMaxSmallBytes);
    CountingSource source(path, index);
    const auto stored = store_->Complete(index, source, nullptr, nullptr);
    EXPECT_TRUE(stored.ok()) << stored.status();
    if (stored.ok()) {
      EXPECT_TRUE(OrDie(Real().ReadFile(*stored, 1 << 28)) == OrDie(Real().ReadFile(path, 1 << 28)));
    }
    // What `linnet model publish` says before anybody fetches is what is fetched.
    if (installed_++ == 1) {
      EXPECT_EQ(index.BytesNotIn(last_), source.bytes);
    }
    last_ = index;
    return {source.bytes, json.size(), index.file_bytes, borders.front()};
  }
  static uint64_t BytesOf(const ShapedChanges& changes) {
    uint64_t bytes = 0;
    for (const ShapedModel::Tensor& tensor : ShapedModel::Tensors()) {
      if (changes.tensors.contains(tensor.name)) bytes += tensor.bytes;
    }
    return bytes;
  }
  // The bound: the share of the tensors that changed, and a hundredth.
  static void ExpectWithin(const Cost& cost, uint64_t changed_bytes, const std::string& what) {
    const double k = 100.0 * static_cast<double>(changed_bytes) / static_cast<double>(cost.file);
    std::printf("%-28s k = %6.2f %%  fetched %6.2f %% = %9lu bytes of %lu (index %lu, head %lu)\n",
                what.c_str(), k, cost.percent(), static_cast<unsigned long>(cost.all()),
                static_cast<unsigned long>(cost.file), static_cast<unsigned long>(cost.index),
                static_cast<unsigned long>(cost.head));
    EXPECT_LE(cost.percent(), k + 1) << what;
  }

  TempDir dir_{true};
  std::unique_ptr<db::Database> db_;
  std::unique_ptr<ChunkStore> store_;
  ChunkIndex last_;
  int installed_ = 0;
};

class ShareTest : public ChunkDeltaTest, public ::testing::WithParamInterface<int> {};

TEST_P(ShareTest, AnUpdateCostsItsShareOfChangedTensorsAndAHundredth) {
  std::vector<ShapedModel::Tensor> tensors = ShapedModel::Tensors();
  const unsigned seed = 1000 + static_cast<unsigned>(GetParam());
  std::mt19937 random(seed);
  std::shuffle(tensors.begin(), tensors.end(), random);
  uint64_t all = 0, changed = 0;
  for (const ShapedModel::Tensor& tensor : tensors) all += tensor.bytes;
  ShapedChanges changes{.name = "shaped, the second release"};  // metadata shifts all that follows
  for (const ShapedModel::Tensor& tensor : tensors) {
    if (changed * 100 >= all * static_cast<uint64_t>(GetParam())) break;
    changes.tensors[tensor.name] = 1;
    changed += tensor.bytes;
  }
  ExpectWithin(Install(changes), BytesOf(changes), absl::StrCat(GetParam(), " %, seed ", seed));
}

INSTANTIATE_TEST_SUITE_P(Percent, ShareTest, ::testing::Values(0, 1, 5, 10, 25, 50, 100));

TEST_F(ChunkDeltaTest, AMergedAdapterCostsTheMatricesThatItChanges) {
  ShapedChanges attention;
  for (const ShapedModel::Tensor& tensor : ShapedModel::Tensors()) {
    if (tensor.name.find("attn_q") != std::string::npos || tensor.name.find("attn_v") != std::string::npos) {
      attention.tensors[tensor.name] = 1;
    }
  }
  ASSERT_EQ(attention.tensors.size(), 60u);
  ExpectWithin(Install(attention), BytesOf(attention), "LoRA on q and v, merged");
}

TEST_F(ChunkDeltaTest, TunedNormsCostWhatTheyWeighThoughEachStandsBetweenMatrices) {
  ShapedChanges norms;
  for (const ShapedModel::Tensor& tensor : ShapedModel::Tensors()) {
    if (tensor.shape.size() == 1) norms.tensors[tensor.name] = 1;
  }
  ASSERT_EQ(norms.tensors.size(), 61u);
  ExpectWithin(Install(norms), BytesOf(norms), "all norms");
}

TEST_F(ChunkDeltaTest, AHeadOfAnotherTypeCostsItselfThoughEverythingBehindItMoves) {
  ShapedChanges changes;
  changes.head_type = 2;
  const Cost cost = Install(changes);
  ExpectWithin(cost, ShapedModel::Tensors(2).front().bytes, "head Q8_0 -> Q4_0");
}

TEST_F(ChunkDeltaTest, ALongerChatTemplateCostsWhatItWeighsAndTheHead) {
  ShapedChanges changes;
  changes.chat_template = std::string(9000, 'x');
  const Cost cost = Install(changes);
  ExpectWithin(cost, 0, "chat template of 9,000 bytes");
  // The head, the template, and the page's rest behind it with the short keys around.
  EXPECT_LE(cost.fetched, cost.head + 9000 + 2 * 4096);
}

TEST_F(ChunkDeltaTest, AKeyBeforeTheVocabularyLeavesTheVocabularyAlone) {
  ShapedChanges changes;
  changes.name = std::string(300, 'n');
  const Cost cost = Install(changes);
  ExpectWithin(cost, 0, "general.name of 300 bytes");
  EXPECT_LE(cost.fetched, cost.head + 300 + 2 * 4096);
}

TEST_F(ChunkDeltaTest, ChunksCutAtFixedStepsWouldAllBeFetched) {
  ShapedChanges changes;
  changes.chat_template = std::string(9000, 'x');
  ShapedModel::Write(dir_ / "a", {});
  ShapedModel::Write(dir_ / "b", changes);
  const ChunkIndex a = OrDie(ChunkIndex::OfFile(Real(), dir_ / "a"));
  const ChunkIndex b = OrDie(ChunkIndex::OfFile(Real(), dir_ / "b"));
  EXPECT_EQ(b.BytesNotIn(a), b.file_bytes);
}

TEST_F(ChunkDeltaTest, EveryInstalledModelGivesItsChunksNotOnlyTheOneBefore) {
  Install({.tensors = {{"blk.3.ffn_up.weight", 1}}});
  Install({.tensors = {{"blk.9.ffn_up.weight", 1}}});
  const Cost cost = Install({.tensors = {{"blk.3.ffn_up.weight", 1}, {"blk.9.ffn_up.weight", 1}}});
  EXPECT_EQ(cost.fetched, cost.head) << "each changed tensor is in another file, only the head is new";
}

}  // namespace
}  // namespace linnet::chunks
