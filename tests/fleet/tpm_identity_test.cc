// A device whose key of the fleet is in a TPM (swtpm): everything that it does as a member, and what happens
// to its folder elsewhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/tpm_key.h"
#include "tests/fleet/member_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/swtpm.h"

namespace linnet::fleet {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::linnet::testing::Swtpm;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Code = absl::StatusCode;

class TpmIdentityTest : public MemberFixture {
 protected:
  void SetUp() override {
    if (!Swtpm::IsInstalled()) GTEST_SKIP() << Swtpm::kMissing;
    chip_ = std::make_unique<Swtpm>();
  }
  base::KeyKeeping At(const Swtpm& chip, base::KeyPlace place = base::KeyPlace::kTpm) const {
    return {place, chip.path()};
  }
  std::unique_ptr<Member> NewTpmMember(const std::string& name) {
    auto member = std::make_unique<Member>(clock_, peers::PeerOptions(), At(*chip_));
    EXPECT_THAT(member->agent->Enroll(NewToken(name)), IsOk());
    return member;
  }
  // Contents of the folder of keys.
  static std::vector<std::string> FilesOf(const Member& member) {
    base::FileSystem& fs = base::FileSystem::Real();
    std::vector<std::string> files;
    const std::vector<std::string> names = *fs.List(member.dir / "identity");
    for (const std::string& name : names) {
      files.push_back(*fs.ReadFile(member.dir / absl::StrCat("identity/", name), 1 << 16));
    }
    return files;
  }
  // What starting on this member's folder says.
  absl::Status StartOn(const Member& member, const base::KeyKeeping& keys) {
    const auto state = repo::StateDatabase::Open(member.dir / "state.db");
    if (!state.ok()) return state.status();
    MemoryHost host;
    FleetAgentOptions options;
    options.state_dir = member.dir.path();
    options.keys = keys;
    return FleetAgent::Create(options, **state, base::FileSystem::Real(), clock_, host).status();
  }
  static bool IsInTpm(const std::string& file) { return base::IsTpmKey(file); }
  // Past the time at which every certificate is renewed.
  void Renew(Member& member) {
    const absl::Time expires = member.agent->status().certificate_expires;
    member.Kill();
    clock_.Advance((expires - clock_.Now()) * 0.75);
    member.Restart();
    ASSERT_TRUE(RunUntil([&] { return member.agent->status().certificate_expires > expires; }))
        << member.agent->status().last_update_error;
    EXPECT_TRUE(RunUntil([&] { return member.agent->status().coordinator_reachable; }));
  }

  std::unique_ptr<Swtpm> chip_;
};

TEST_F(TpmIdentityTest, JoinsComesBackAndRenewsWithKeysThatNeverLeaveTheTpm) {
  const auto member = NewTpmMember("fridge-kitchen");
  const std::string id = member->id();
  ASSERT_THAT(FilesOf(*member), SizeIs(1));
  EXPECT_TRUE(IsInTpm(FilesOf(*member).front()));
  EXPECT_TRUE(RunUntil([&] { return member->agent->status().coordinator_reachable; }));
  member->Restart();
  EXPECT_EQ(member->id(), id);
  EXPECT_TRUE(RunUntil([&] { return member->agent->status().coordinator_reachable; }));
  const std::vector<std::string> before = FilesOf(*member);
  Renew(*member);
  EXPECT_NE(FilesOf(*member), before);
  ASSERT_THAT(FilesOf(*member), SizeIs(1));
  EXPECT_TRUE(IsInTpm(FilesOf(*member).front()));
  EXPECT_THAT(FilesOf(*member), Each(Not(HasSubstr("BEGIN PRIVATE KEY"))));
}

TEST_F(TpmIdentityTest, ItsReceiptLetsTheOthersGoOn) {
  const auto canary = NewTpmMember("press-line-3");
  const auto second = NewMember("fridge-kitchen");
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  coordinator::TestDevice named;
  named.id = canary->id();
  named.pin = base::Hex(canary->agent->status().key_sha256);
  ASSERT_TRUE(Start(PublishPlan(model, {&named})).ok());
  ASSERT_TRUE(RunUntil([&] { return canary->Committed() && second->Committed(); }))
      << canary->agent->status().update_state << " " << canary->agent->status().last_update_error << " / "
      << second->agent->status().update_state << " " << second->agent->status().last_update_error;
  EXPECT_EQ(canary->host->running(), model.bytes);
  // The coordinator and the TPM are gone: the device starts no more, and says why; back, all is there.
  ASSERT_TRUE(RunUntil([&] { return canary->agent->status().update_state == "IDLE"; }));
  canary->Kill();
  chip_->Stop();
  const absl::Status gone = StartOn(*canary, At(*chip_));
  EXPECT_THAT(gone, StatusIs(Code::kUnavailable, HasSubstr(chip_->path())));
  EXPECT_TRUE(base::Tpm::FailedAt(gone));
  chip_->Start();
  coordinator_.reset();
  canary->Restart();
  ASSERT_TRUE(canary->agent->WaitUntilModelLoaded(absl::Seconds(20)));
  EXPECT_EQ(canary->host->running(), model.bytes);
  EXPECT_TRUE(canary->agent->status().enrolled);
}

TEST_F(TpmIdentityTest, ACopiedFolderIsOfNoUseWithAnotherTpm) {
  const auto member = NewTpmMember("fridge-kitchen");
  member->Kill();
  const Swtpm thief;
  for (const base::KeyPlace place : {base::KeyPlace::kTpm, base::KeyPlace::kAuto, base::KeyPlace::kFile}) {
    const absl::Status status = StartOn(*member, At(thief, place));
    EXPECT_THAT(status, StatusIs(Code::kPermissionDenied, HasSubstr("not of this TPM")));
    EXPECT_TRUE(base::Tpm::FailedAt(status));
  }
  EXPECT_THAT(StartOn(*member, At(*chip_, base::KeyPlace::kFile)), IsOk())
      << "where it belongs it works, unasked";
}

TEST_F(TpmIdentityTest, WithoutATpmItIsRefusedOrAFileAsAsked) {
  chip_->Stop();
  Member demanding(clock_);  // has a folder and no key
  demanding.Kill();
  EXPECT_THAT(StartOn(demanding, At(*chip_)), StatusIs(Code::kUnavailable, HasSubstr("no TPM")));
  Member easy(clock_, peers::PeerOptions(), At(*chip_, base::KeyPlace::kAuto));
  ASSERT_THAT(easy.agent->Enroll(NewToken("easy")), IsOk());
  EXPECT_FALSE(IsInTpm(FilesOf(easy).front()));
  // The next renewal finds one.
  chip_->Start();
  Renew(easy);
  EXPECT_TRUE(IsInTpm(FilesOf(easy).front()));
}

TEST_F(TpmIdentityTest, AnOldDeviceMovesAtItsRenewalAndMayMoveBack) {
  Member member(clock_);
  ASSERT_THAT(member.agent->Enroll(NewToken("old")), IsOk());
  member.keys = At(*chip_);
  member.Restart();
  EXPECT_FALSE(IsInTpm(FilesOf(member).front())) << "a key in use stays where it is";
  Renew(member);
  EXPECT_TRUE(IsInTpm(FilesOf(member).front()));
  member.keys = At(*chip_, base::KeyPlace::kFile);
  Renew(member);
  EXPECT_FALSE(IsInTpm(FilesOf(member).front()));
}

TEST_F(TpmIdentityTest, ATpmThatIsGoneForAWhileOnlyDelays) {
  const auto member = NewTpmMember("fridge-kitchen");
  EXPECT_TRUE(RunUntil([&] { return member->agent->status().coordinator_reachable; }));
  chip_->Stop();
  config_.listen = coordinator_->fleet_address();
  coordinator_.reset();
  RestartCoordinator();  // every connection is new, and needs a signature
  EXPECT_TRUE(RunUntil([&] { return !member->agent->status().coordinator_reachable; }));
  EXPECT_TRUE(member->agent->status().enrolled);
  chip_->Start();
  EXPECT_TRUE(RunUntil([&] { return member->agent->status().coordinator_reachable; }));
}

}  // namespace
}  // namespace linnet::fleet
