// The key of the owner's data, sealed by a TPM (swtpm).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/file_system.h"
#include "runtime/base/tpm_key.h"
#include "storage/repo/field_cipher.h"
#include "storage/repo/user_database.h"
#include "tests/support/status_matchers.h"
#include "tests/support/swtpm.h"
#include "tests/support/temp_dir.h"

namespace linnet::repo {
namespace {

using base::KeyPlace;
using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using linnet::testing::Swtpm;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

class UserKeyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Swtpm::IsInstalled()) GTEST_SKIP() << Swtpm::kMissing;
    chip_ = std::make_unique<Swtpm>();
  }
  absl::StatusOr<std::unique_ptr<UserDatabase>> Open(KeyPlace place, const Swtpm& chip) {
    return UserDatabase::Open(fs_, dir_ / "user", {.place = place, .tpm = chip.path()});
  }
  std::string KeyFile() { return *fs_.ReadFile(dir_ / "user/key", 1 << 16); }

  base::FileSystem& fs_ = base::FileSystem::Real();
  linnet::testing::TempDir dir_;
  std::unique_ptr<Swtpm> chip_;
};

TEST_F(UserKeyTest, OpensInItsOwnTpmOnly) {
  std::string sealed;
  {
    const auto db = Open(KeyPlace::kTpm, *chip_);
    ASSERT_THAT(db, IsOk());
    sealed = (*db)->cipher().Seal("two pints of milk", "inventory.name");
  }
  EXPECT_TRUE(base::IsTpmKey(KeyFile()));
  EXPECT_EQ(fs_.Stat(dir_ / "user/key")->mode, 0600U);
  for (const KeyPlace place : {KeyPlace::kTpm, KeyPlace::kFile, KeyPlace::kAuto}) {
    const auto db = Open(place, *chip_);
    ASSERT_THAT(db, IsOk());
    EXPECT_EQ(*(*db)->cipher().Open(sealed, "inventory.name"), "two pints of milk");
    EXPECT_TRUE(base::IsTpmKey(KeyFile()));
  }
  const std::string before = KeyFile();
  const Swtpm thief;
  for (const KeyPlace place : {KeyPlace::kTpm, KeyPlace::kFile, KeyPlace::kAuto}) {
    const absl::Status status = Open(place, thief).status();
    EXPECT_THAT(status, StatusIs(Code::kPermissionDenied, HasSubstr("not of this TPM")));
    EXPECT_TRUE(base::Tpm::FailedAt(status));
  }
  chip_->Stop();
  EXPECT_THAT(Open(KeyPlace::kTpm, *chip_), StatusIs(Code::kUnavailable, HasSubstr(chip_->path())));
  chip_->Start();
  EXPECT_EQ(KeyFile(), before);
  EXPECT_THAT(Open(KeyPlace::kTpm, *chip_), IsOk());
}

TEST_F(UserKeyTest, AKeyInAFileIsSealedAndTheDataStays) {
  std::string sealed;
  {
    const auto db = Open(KeyPlace::kFile, *chip_);
    ASSERT_THAT(db, IsOk());
    sealed = (*db)->cipher().Seal("eggs", "inventory.name");
  }
  EXPECT_EQ(KeyFile().size(), 32U);
  const std::string plain = KeyFile();
  chip_->Stop();
  EXPECT_THAT(Open(KeyPlace::kTpm, *chip_), StatusIs(Code::kUnavailable, HasSubstr("no TPM")));
  EXPECT_THAT(Open(KeyPlace::kAuto, *chip_), IsOk()) << "where it does not work, it stays a file";
  EXPECT_EQ(KeyFile(), plain);
  chip_->Start();
  const auto db = Open(KeyPlace::kAuto, *chip_);
  ASSERT_THAT(db, IsOk());
  EXPECT_TRUE(base::IsTpmKey(KeyFile()));
  EXPECT_EQ(KeyFile().find(plain), std::string::npos);
  EXPECT_EQ(*(*db)->cipher().Open(sealed, "inventory.name"), "eggs");
}

TEST_F(UserKeyTest, ADamagedFileIsSaidToBeDamaged) {
  ASSERT_THAT(Open(KeyPlace::kTpm, *chip_), IsOk());
  const std::string whole = KeyFile();
  for (const std::string& damaged : {whole.substr(0, 100), *base::MakeTpmKey(base::Tpm(chip_->path())),
                                     whole.substr(0, whole.size() / 2) + "\n"}) {
    ASSERT_THAT(fs_.WriteFileAtomic(dir_ / "user/key", damaged, 0600), IsOk());
    EXPECT_THAT(Open(KeyPlace::kTpm, *chip_), StatusIs(Code::kDataLoss, HasSubstr("/user/key")));
  }
  ASSERT_THAT(fs_.WriteFileAtomic(dir_ / "user/key", whole, 0600), IsOk());
  EXPECT_THAT(Open(KeyPlace::kTpm, *chip_), IsOk());
}

}  // namespace
}  // namespace linnet::repo
