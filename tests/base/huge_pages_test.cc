#include "runtime/base/huge_pages.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/temp_dir.h"

namespace linnet::base {
namespace {

TEST(HugePagesTest, HoldTheFilesBytesWhateverItsSize) {
  const linnet::testing::TempDir dir;
  const std::string path = dir / "file";
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4097}, (size_t{5} << 20) + 3}) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 251);
    ASSERT_TRUE(FileSystem::Real().WriteFileAtomic(path, bytes).ok());
    const auto held = ReadIntoHugePages(path);
    ASSERT_TRUE(held.ok()) << held.status();
    EXPECT_EQ(AsText((*held)->bytes()), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>((*held)->bytes().data()) % (2 << 20), 0u);
  }
}

// What the file becomes later is nothing to who has read it.
TEST(HugePagesTest, AreTheProcesssOwn) {
  const linnet::testing::TempDir dir;
  const std::string path = dir / "file";
  ASSERT_TRUE(FileSystem::Real().WriteFileAtomic(path, "before").ok());
  const auto held = ReadIntoHugePages(path);
  ASSERT_TRUE(held.ok()) << held.status();
  ASSERT_TRUE((*FileSystem::Real().OpenForWrite(path))->WriteAt(0, AsBytes("behind")).ok());
  EXPECT_EQ(AsText((*held)->bytes()), "before");
}

TEST(HugePagesTest, WhatIsNoFileIsRefused) {
  const linnet::testing::TempDir dir;
  EXPECT_EQ(ReadIntoHugePages(dir / "none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadIntoHugePages(dir.path()).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(HugePagesTest, PayNeitherForSmallFilesNorForOnesThatMemoryHasNoRoomFor) {
  EXPECT_FALSE(HugePagesPay(1 << 20));
  EXPECT_FALSE(HugePagesPay(uint64_t{1} << 50));
}

}  // namespace
}  // namespace linnet::base
