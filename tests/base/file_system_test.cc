#include "runtime/base/file_system.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/faulty_files.h"
#include "tests/support/temp_dir.h"

namespace linnet::base {
namespace {

// In a container every start has the same process id, and so the same names of temporary files.
TEST(FileSystemTest, WhatAnEarlierProcessOfThisIdLeftBehindIsNotInTheWay) {
  const linnet::testing::TempDir dir;
  const std::string path = dir / "file";
  for (int i = 0; i < 2000; ++i) {
    std::ofstream(absl::StrCat(path, ".tmp-", getpid(), "-", i)) << "half a fi";
  }
  for (const char* bytes : {"first", "second"}) {
    const absl::Status written = FileSystem::Real().WriteFileAtomic(path, bytes, 0640);
    ASSERT_TRUE(written.ok()) << written;
    EXPECT_EQ(FileSystem::Real().ReadFile(path, 100).value_or(""), bytes);
    EXPECT_EQ(FileSystem::Real().Stat(path)->mode, 0640u);
  }
}

// Both ways: without a name on the real disk, and under another name where the disk has no such files.
TEST(FileSystemTest, AnUnpublishedFileIsNotThereBeforeItIsPublished) {
  linnet::testing::FaultyFiles renaming;
  for (FileSystem* fs : {&FileSystem::Real(), static_cast<FileSystem*>(&renaming)}) {
    const linnet::testing::TempDir dir;
    const std::string path = dir / "file";
    {
      auto dropped = fs->CreateUnpublished(path);
      ASSERT_TRUE(dropped.ok()) << dropped.status();
      ASSERT_TRUE((*dropped)->WriteAt(0, AsBytes("lost")).ok());
      EXPECT_FALSE(fs->Stat(path).ok());
    }
    EXPECT_TRUE(fs->List(dir.path())->empty());
    for (const char* bytes : {"first", "second"}) {
      auto file = fs->CreateUnpublished(path);
      ASSERT_TRUE(file.ok()) << file.status();
      ASSERT_TRUE((*file)->WriteAt(0, AsBytes(bytes)).ok());
      const bool again = fs->Stat(path).ok();
      const absl::Status refused = again ? (*file)->Publish(false) : absl::AlreadyExistsError("");
      EXPECT_EQ(refused.code(), absl::StatusCode::kAlreadyExists) << refused;
      const absl::Status published = (*file)->Publish(again);
      ASSERT_TRUE(published.ok()) << published;
      EXPECT_EQ(fs->ReadFile(path, 100).value_or(""), bytes);
    }
    EXPECT_EQ(fs->List(dir.path())->size(), 1u);
  }
}

// The kernel's own limits, while this lives.
class Limit {
 public:
  Limit(__rlimit_resource what, rlim_t most) : what_(what) {
    getrlimit(what_, &before_);
    const rlimit lower = {most, before_.rlim_max};
    setrlimit(what_, &lower);
  }
  ~Limit() { setrlimit(what_, &before_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  const __rlimit_resource what_;
  rlimit before_;
};

// Beyond the limit a write ends early, and the next one fails.
TEST(FileSystemTest, AWriteThatEndsEarlyIsAnErrorAndLeavesTheOldFileAndNothingElse) {
  const linnet::testing::TempDir dir;
  const std::string path = dir / "file";
  ASSERT_TRUE(FileSystem::Real().WriteFileAtomic(path, "old").ok());
  std::signal(SIGXFSZ, SIG_IGN);
  absl::Status atomic, unpublished;
  {
    const Limit bytes(RLIMIT_FSIZE, 5000);
    atomic = FileSystem::Real().WriteFileAtomic(path, std::string(8000, 'n'));
    auto file = FileSystem::Real().CreateUnpublished(path);
    unpublished = file.ok() ? (*file)->WriteAt(0, AsBytes(std::string(8000, 'n'))) : file.status();
  }
  std::signal(SIGXFSZ, SIG_DFL);
  for (const absl::Status& status : {atomic, unpublished}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_NE(status.message().find(path), std::string::npos) << status;
  }
  EXPECT_EQ(FileSystem::Real().ReadFile(path, 100).value_or(""), "old");
  EXPECT_EQ(FileSystem::Real().List(dir.path())->size(), 1u);
}

TEST(FileSystemTest, WithoutDescriptorsEveryCallThatNeedsOneSaysSo) {
  const linnet::testing::TempDir dir;
  const std::string path = dir / "file";
  FileSystem& fs = FileSystem::Real();
  ASSERT_TRUE(fs.WriteFileAtomic(path, "bytes").ok());
  std::vector<absl::Status> said;
  {
    const Limit descriptors(RLIMIT_NOFILE, 0);
    said = {fs.ReadFile(path, 100).status(),     fs.ReadAt(path, 0, 3).status(), fs.Map(path).status(),
            fs.WriteFileAtomic(path, "x"),       fs.OpenForWrite(path).status(), fs.List(dir.path()).status(),
            fs.CreateUnpublished(path).status(), fs.SyncDirectory(dir.path())};
  }
  for (const absl::Status& status : said) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_NE(status.message().find(dir.path()), std::string::npos) << status;
  }
  EXPECT_EQ(fs.ReadFile(path, 100).value_or(""), "bytes");
}

TEST(FileSystemTest, AFaultWhilePublishingLeavesTheOldFile) {
  for (int n = 0;; ++n) {
    const linnet::testing::TempDir dir;
    const std::string path = dir / "file";
    ASSERT_TRUE(FileSystem::Real().WriteFileAtomic(path, "old").ok());
    linnet::testing::FaultyFiles fs;
    fs.FailAfter(n);
    const auto write = [&]() -> absl::Status {
      auto file = fs.CreateUnpublished(path);
      if (!file.ok()) return file.status();
      if (absl::Status s = (*file)->WriteAt(0, AsBytes("new")); !s.ok()) return s;
      return (*file)->Publish(true);
    };
    const absl::Status status = write();
    const std::string found = FileSystem::Real().ReadFile(path, 100).value_or("");
    EXPECT_TRUE(found == "new" || (found == "old" && !status.ok())) << n << ": " << found << " " << status;
    if (status.ok()) break;
    ASSERT_LT(n, 20);
  }
}

}  // namespace
}  // namespace linnet::base
