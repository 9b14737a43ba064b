// What a real agent says of itself, what plans' filters ask, and what the coordinator makes of both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "agent/fleet/fleet_link.h"
#include "tests/fleet/member_fixture.h"

namespace linnet::fleet {
namespace {

using ::testing::Contains;

TEST(PlanFactsTest, TheVocabularyIsWhatCheckInsCanSay) {
  const auto* sets = v1::InstructionSet_descriptor();
  for (int i = 0; i < sets->value_count(); ++i) {
    if (sets->value(i)->number() == v1::INSTRUCTION_SET_UNSPECIFIED) continue;
    EXPECT_THAT(trust::kKernelNames, Contains(absl::AsciiStrToLower(sets->value(i)->name())));
  }
  EXPECT_EQ(std::size(trust::kKernelNames) + 1, static_cast<size_t>(sets->value_count()));
}

TEST(PlanFactsTest, AreThoseOfTheCheckIn) {
  const trust::DeviceFacts facts =
      PlanFacts({.agent_version = 1'002'003, .kernel_set = "avxvnni", .ram_mib = 512, .cores = 4});
  EXPECT_EQ(facts.kernels, "avx_vnni");
  EXPECT_EQ(facts.architecture, "x86_64");
  EXPECT_EQ(facts.ram_mib, 512u);
  EXPECT_EQ(facts.cores, 4u);
  EXPECT_EQ(facts.agent_version, 1'002'003u);
  EXPECT_EQ(PlanFacts({.kernel_set = "neon_i8mm"}).architecture, "aarch64");
  EXPECT_EQ(PlanFacts({.kernel_set = "avx512vnni"}).kernels, "avx512_vnni");
  // These run everywhere: the machine says what it is.
  EXPECT_THAT(trust::kArchitectureNames, Contains(PlanFacts({.kernel_set = "scalar"}).architecture));
  EXPECT_EQ(PlanFacts({.kernel_set = "of tomorrow"}).kernels, "");
}

class FleetRulesTest : public MemberFixture {
 protected:
  // One wave, for devices with so much memory.
  SignedPlan PlanFor(const Model& model, uint32_t least_ram_mib) {
    trust::PlanWave wave{.name = "all", .filter = {.least_ram_mib = least_ram_mib}};
    wave.most_in_flight = 1;
    return PublishWaves(model, {wave}, 1);
  }
};

TEST_F(FleetRulesTest, ADeviceTakesThePlanThatIsForItAndNoOther) {
  const auto member = NewMember("fridge-kitchen");  // 512 MiB
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  ASSERT_TRUE(Start(PlanFor(model, 513)).ok());
  ASSERT_TRUE(RunUntil([&] {
    (void)member->agent->CheckNow();
    return NewestRollout().waves(0).devices() == 0;  // it was heard
  }));
  EXPECT_EQ(member->host->running(), "");
  ASSERT_TRUE(Start(PlanFor(model, 512)).ok());
  ASSERT_TRUE(RunUntil([&] { return member->Committed(); })) << member->agent->status().last_update_error;
  ASSERT_TRUE(RunUntil([&] { return NewestRollout().state() == admin::v1::COMPLETED; }));
  EXPECT_EQ(NewestRollout().waves(0).started(), 1u);
  EXPECT_EQ(NewestRollout().waves(0).in_flight(), 0u);
}

}  // namespace
}  // namespace linnet::fleet
