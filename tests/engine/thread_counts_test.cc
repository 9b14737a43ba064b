#include "runtime/engine/thread_counts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/engine/prefix_key.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/kernel_table.h"
#include "tests/engine/engine_fixture.h"

namespace linnet::engine {
namespace {

using ::linnet::testing::IsOk;

std::vector<absl::Duration> Milliseconds(std::initializer_list<double> times) {
  std::vector<absl::Duration> result;
  for (const double time : times) result.push_back(absl::Milliseconds(time));
  return result;
}

TEST(ThreadCountsTest, TheFewestThatAreNearTheFastest) {
  EXPECT_EQ(FewestNearFastest(Milliseconds({10})), 1);
  EXPECT_EQ(FewestNearFastest(Milliseconds({10, 6, 4, 3})), 4);      // each helps
  EXPECT_EQ(FewestNearFastest(Milliseconds({10, 7, 6.9, 6.8})), 2);  // the bus is full with two
  EXPECT_EQ(FewestNearFastest(Milliseconds({10, 12, 30, 90})), 1);   // somebody else has the cores
}

class ThreadFileTest : public EngineFixture {
 protected:
  ThreadFile File() { return {base::FileSystem::Real(), path_of_file_}; }
  const std::string path_of_file_ = folder_ / "threads";
};

TEST_F(ThreadFileTest, FindsWhatWasKeptForThisModelAndMachine) {
  EXPECT_EQ(File().Find("a"), std::nullopt);
  ASSERT_THAT(File().Keep("a", {1, 4}), IsOk());
  ASSERT_THAT(File().Keep("b", {2, 3}), IsOk());
  EXPECT_EQ(File().Find("a"), (ThreadCounts{1, 4}));
  EXPECT_EQ(File().Find("b"), (ThreadCounts{2, 3}));
  ASSERT_THAT(File().Keep("a", {2, 2}), IsOk());
  EXPECT_EQ(File().Find("a"), (ThreadCounts{2, 2}));
  const base::Sha256Digest one = base::Sha256("one"), other = base::Sha256("other");
  EXPECT_EQ(ThreadFile::KeyOf(one, "neon", 4), ThreadFile::KeyOf(one, "neon", 4));
  EXPECT_NE(ThreadFile::KeyOf(one, "neon", 4), ThreadFile::KeyOf(other, "neon", 4));
  EXPECT_NE(ThreadFile::KeyOf(one, "neon", 4), ThreadFile::KeyOf(one, "neon_dotprod", 4));
  EXPECT_NE(ThreadFile::KeyOf(one, "neon", 4), ThreadFile::KeyOf(one, "neon", 3));
}

TEST_F(ThreadFileTest, ForgetsTheOldestOfMany) {
  for (int i = 0; i < 40; ++i) ASSERT_THAT(File().Keep(std::to_string(i), {1, 1}), IsOk());
  EXPECT_EQ(File().Find("7"), std::nullopt);
  EXPECT_NE(File().Find("8"), std::nullopt);
  EXPECT_NE(File().Find("39"), std::nullopt);
}

TEST_F(ThreadFileTest, ADamagedFileIsAsNone) {
  for (const char* text : {"", "\n", "linnet-threads-9\na 1 1\n", "linnet-threads-1\na 1\n",
                           "linnet-threads-1\na 1 x\n", "\xff\x00\x01"}) {
    ASSERT_THAT(base::FileSystem::Real().WriteFileAtomic(path_of_file_, text), IsOk());
    EXPECT_EQ(File().Find("a"), std::nullopt) << text;
    ASSERT_THAT(File().Keep("a", {1, 2}), IsOk());
    EXPECT_EQ(File().Find("a"), (ThreadCounts{1, 2}));
  }
}

TEST_F(ThreadFileTest, MeasuresEveryNumberOfThreads) {
  std::string error;
  const auto file = gguf::GgufFile::Open(base::FileSystem::Real(), path_);
  ASSERT_THAT(file, IsOk());
  base::ThreadPool pool(3);
  const auto model = model::Transformer::Create(**file, kernels::Select("", &error)->ops, pool, 16);
  ASSERT_THAT(model, IsOk());
  const auto counts = MeasureThreads(**model, pool);
  if (!counts.has_value()) GTEST_SKIP() << "this machine is too busy to measure";
  EXPECT_GE(std::min(counts->decode, counts->prefill), 1);
  EXPECT_LE(std::max(counts->decode, counts->prefill), 3);
}

TEST_F(ThreadFileTest, AnEngineFollowsTheFileAndAnswersTheSame) {
  if (base::PhysicalCores() < 2) GTEST_SKIP() << "one core";
  std::string error;
  const int most = std::min(8, base::PhysicalCores());
  const auto run = [&](const EngineOptions& options) {
    const auto engine = Load(options);
    const auto result = engine->Generate(Request(std::string(40, 'x'), 8));
    EXPECT_THAT(result, IsOk());
    return std::pair(result->ids, ThreadCounts{engine->info().decode_threads, engine->info().threads});
  };
  const auto [ids, all] = run({.threads = 1});
  EXPECT_EQ(all, (ThreadCounts{1, 1}));
  ASSERT_OK_AND_ASSIGN(const auto identity, IdentityOfModel(base::FileSystem::Real(), path_));
  const std::string key = ThreadFile::KeyOf(identity, kernels::Select("", &error)->name, most);
  for (const ThreadCounts wanted : {ThreadCounts{1, 2}, ThreadCounts{2, 1}}) {
    ASSERT_THAT(File().Keep(key, wanted), IsOk());
    const auto [found, counts] = run({.thread_file = path_of_file_});
    EXPECT_EQ(found, ids);
    EXPECT_EQ(counts, wanted);
  }
  // Nonsense is measured anew.
  ASSERT_THAT(File().Keep(key, {0, 77}), IsOk());
  const auto [found, counts] = run({.thread_file = path_of_file_});
  EXPECT_EQ(found, ids);
  EXPECT_GE(std::min(counts.decode, counts.prefill), 1);
  EXPECT_LE(std::max(counts.decode, counts.prefill), most);
}

}  // namespace
}  // namespace linnet::engine
