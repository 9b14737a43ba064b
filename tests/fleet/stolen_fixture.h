#ifndef LINNET_TESTS_FLEET_STOLEN_FIXTURE_H_
#define LINNET_TESTS_FLEET_STOLEN_FIXTURE_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/fleet/hostile_coordinator.h"
#include "tests/fleet/member_fixture.h"

namespace linnet::fleet {

// An honest site, and then whoever has its coordinator's host and keys.
class StolenFixture : public MemberFixture {
 protected:
  // A published model, and a member; then Steal.
  void SetUp() override {
    member_ = NewMember("press-line-3");
    model_ = SignModel("1");
    ASSERT_TRUE(Publish(model_).ok());
  }
  void Steal() {
    honest_ = CurrentMetadata();
    const std::string address = coordinator_->fleet_address();
    admin_.reset();
    coordinator_.reset();
    thief_ =
        std::make_unique<HostileCoordinator>(dir_ / "site/coordinator", config_.state_dir, address, clock_);
    thief_->Serve(honest_);
    thief_->AddModel(model_.bytes, model_.index_json);
  }
  void Offer(const SignedPlan& plan, const std::vector<fleet::v1::Receipt>& receipts = {}) {
    fleet::v1::CheckInResponse answer;
    answer.set_plan(plan.target);
    for (const fleet::v1::Receipt& receipt : receipts) *answer.add_receipts() = receipt;
    thief_->AddFile(plan.json);
    thief_->Answer(answer);
  }
  // Lets the device ask often enough to have acted on what it was offered. False: it stopped asking.
  bool ItHadItsChance() {
    // Refused offers make it wait in real time, twice as long each time: more of them is a minute.
    constexpr int kCheckIns = 4;
    const int before = thief_->check_ins();
    return RunUntil([&] { return thief_->check_ins() >= before + kCheckIns; });
  }
  std::string Running() const { return member_->host->running(); }

  std::unique_ptr<Member> member_;
  Model model_;
  std::map<std::string, std::string> honest_;
  std::unique_ptr<HostileCoordinator> thief_;
};

}  // namespace linnet::fleet

#endif  // LINNET_TESTS_FLEET_STOLEN_FIXTURE_H_
