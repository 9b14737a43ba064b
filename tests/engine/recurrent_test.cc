#include <gtest/gtest.h>

#include "runtime/base/file_system.h"
#include "tests/engine/engine_fixture.h"
#include "tests/support/tiny_families.h"

// Models whose layers keep a state that cannot be cut back: a finished session serves a request that goes on
// from it, and any other is evaluated from its beginning.
namespace linnet::engine {
namespace {

using ::linnet::testing::TinyFamilyBytes;
using ::linnet::testing::TinyFamilyNamed;

class RecurrentTest : public EngineFixture, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(base::FileSystem::Real()
                    .WriteFileAtomic(path_, TinyFamilyBytes(TinyFamilyNamed(GetParam())), 0644)
                    .ok());
  }
};

TEST_P(RecurrentTest, ReusesAllOfASessionOrNothing) {
  const auto engine = Load();
  ASSERT_OK_AND_ASSIGN(const GenerateResult first, engine->Generate(Request("once upon a time", 12)));

  GenerateRequest longer = Request("once upon a time", 12);
  longer.prompt.insert(longer.prompt.end(), first.ids.begin(), first.ids.end());
  for (const char c : std::string(" and then")) longer.prompt.push_back(static_cast<unsigned char>(c));
  GenerateRequest same = Request("", 12);
  same.prompt = longer.prompt;
  ASSERT_OK_AND_ASSIGN(const GenerateResult on, engine->Generate(std::move(longer)));
  EXPECT_LT(on.evaluated_tokens, on.prompt_tokens);

  ASSERT_OK_AND_ASSIGN(const GenerateResult other, engine->Generate(Request("once upon another", 12)));
  EXPECT_GE(other.evaluated_tokens, other.prompt_tokens);

  ASSERT_OK_AND_ASSIGN(const GenerateResult on_fresh, Load()->Generate(std::move(same)));
  ASSERT_OK_AND_ASSIGN(const GenerateResult other_fresh, Load()->Generate(Request("once upon another", 12)));
  EXPECT_EQ(on.ids, on_fresh.ids);
  EXPECT_EQ(other.ids, other_fresh.ids);
}

INSTANTIATE_TEST_SUITE_P(Tiny, RecurrentTest, ::testing::Values("lfm2", "granitehybrid"),
                         [](const auto& param_info) { return std::string(param_info.param); });

}  // namespace
}  // namespace linnet::engine
