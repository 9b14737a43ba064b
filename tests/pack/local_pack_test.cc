#include "runtime/pack/local_pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/pack/packed_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

// A pack is only a faster form of a file: whatever is wrong with it, the file itself runs.
namespace linnet::pack {
namespace {

using kernels::WeightType;
using ::linnet::testing::IsOk;
using ::linnet::testing::TempDir;
using ::linnet::testing::TinyModelBytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LocalPackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(dir_ / "models");
    ASSERT_THAT(fs_.WriteFileAtomic(gguf_, TinyModelBytes({.type = WeightType::kQ4_0})), IsOk());
  }

  const TempDir dir_;
  base::FileSystem& fs_ = base::FileSystem::Real();
  const std::string gguf_ = dir_ / "models/m.gguf", pack_ = dir_ / "models/m.gguf.pack";
  const LocalPacks packs_{fs_, dir_ / "cache"};
};

TEST_F(LocalPackTest, WithoutAPackTheGgufRuns) {
  const auto found = packs_.Find(gguf_);
  EXPECT_EQ(found.path, gguf_);
  EXPECT_THAT(found.notes, IsEmpty());
  EXPECT_EQ(packs_.Find(dir_ / "nothing.gguf").path, dir_ / "nothing.gguf");
}

TEST_F(LocalPackTest, AnImportedPackRunsInstead) {
  ASSERT_OK_AND_ASSIGN(const auto imported, packs_.Import(gguf_, nullptr));
  EXPECT_EQ(imported.path, pack_);
  EXPECT_NE(imported.report.source.stamp, PackStamp());
  EXPECT_EQ(packs_.Find(gguf_).path, pack_);
  EXPECT_THAT(packs_.Find(gguf_).notes, IsEmpty());
  EXPECT_EQ(packs_.Find(pack_).path, pack_);
}

TEST_F(LocalPackTest, ACopyWithTheSameBytesIsKnownByItsHash) {
  ASSERT_THAT(packs_.Import(gguf_, nullptr), IsOk());
  std::filesystem::create_directory(dir_ / "copy");
  std::filesystem::copy_file(gguf_, dir_ / "copy/m.gguf");
  std::filesystem::copy_file(pack_, dir_ / "copy/m.gguf.pack");
  EXPECT_EQ(packs_.Find(dir_ / "copy/m.gguf").path, dir_ / "copy/m.gguf.pack");
}

TEST_F(LocalPackTest, APackOfOtherBytesIsPassedOverWithANote) {
  ASSERT_THAT(packs_.Import(gguf_, nullptr), IsOk());
  ASSERT_THAT(fs_.WriteFileAtomic(gguf_, TinyModelBytes({.type = WeightType::kQ4_0, .seed = 2})), IsOk());
  auto found = packs_.Find(gguf_);
  EXPECT_EQ(found.path, gguf_);
  EXPECT_THAT(found.notes, ElementsAre(HasSubstr("packed from other bytes")));
  ASSERT_THAT(packs_.Import(gguf_, nullptr), IsOk());  // replaces it
  EXPECT_EQ(packs_.Find(gguf_).path, pack_);
}

TEST_F(LocalPackTest, ADamagedPackIsPassedOverWithANote) {
  ASSERT_THAT(packs_.Import(gguf_, nullptr), IsOk());
  std::filesystem::resize_file(pack_, 9000);
  const auto found = packs_.Find(gguf_);
  EXPECT_EQ(found.path, gguf_);
  EXPECT_THAT(found.notes, ElementsAre(::testing::AllOf(HasSubstr("m.gguf.pack"), HasSubstr("cut short"))));
}

TEST_F(LocalPackTest, WhereTheFolderMayNotBeWrittenTheCacheHoldsIt) {
  std::filesystem::permissions(dir_ / "models",
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  if (std::ofstream(dir_ / "models/probe").good()) GTEST_SKIP() << "this user may write everywhere";
  ASSERT_OK_AND_ASSIGN(const auto imported, packs_.Import(gguf_, nullptr));
  std::filesystem::permissions(dir_ / "models", std::filesystem::perms::owner_all);
  EXPECT_THAT(imported.path, HasSubstr("/cache/"));
  EXPECT_EQ(packs_.Find(gguf_).path, imported.path);
}

TEST_F(LocalPackTest, AnAgentsPackLiesInItsStateFolder) {
  const LocalPacks agents(fs_, PacksOfState(dir_ / "state"));
  ASSERT_OK_AND_ASSIGN(const auto imported, agents.ImportIntoCache(gguf_, nullptr));
  EXPECT_THAT(imported.path, ::testing::StartsWith(dir_ / "state/packs/"));
  EXPECT_FALSE(std::filesystem::exists(pack_));
  EXPECT_EQ(agents.Find(gguf_).path, imported.path);
  EXPECT_EQ(packs_.Find(gguf_).path, gguf_);  // which others do not see
  EXPECT_THAT(LocalPacks(fs_, "").ImportIntoCache(gguf_, nullptr).status(),
              ::linnet::testing::StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(LocalPackTest, NamesFollowTheFile) {
  EXPECT_EQ(PackNameOf("a/b.gguf"), "a/b.linnet");
  EXPECT_EQ(PackNameOf("a/b"), "a/b.linnet");
}

}  // namespace
}  // namespace linnet::pack
