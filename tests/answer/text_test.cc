// Labels, numbers, slots.
#include <cmath>
#include <string>

#include "agent/answer/catalog.h"
#include "agent/answer/slots.h"
#include "agent/answer/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace linnet::answer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

constexpr Language kEn = Language::kEnglish, kDe = Language::kGerman;

TEST(TextTest, KnowsUtf8) {
  EXPECT_TRUE(IsUtf8("Küche €🙂"));
  for (const char* bad : {"\xC3", "\x80", "\xED\xA0\x80", "\xC0\xAF", "\xF5\x80\x80\x80"})
    EXPECT_FALSE(IsUtf8(bad));
}

TEST(TextTest, FoldsCaseAndUmlauts) {
  EXPECT_EQ(LowerCase("KÜCHE Äpfel"), "küche äpfel");
  EXPECT_EQ(Fold("Straße Öl Café"), "strasse oel cafe");
  EXPECT_THAT(Words("What's up, Küche-2?"), ElementsAre("whats", "up", "küche", "2"));
  EXPECT_THAT(Words("„Licht“ – aus…"), ElementsAre("licht", "aus"));
}

TEST(TextTest, ForgivesOneSlip) {
  EXPECT_TRUE(Resembles("kitchen", "kitchen", 0));
  for (const char* slip : {"kichen", "kitchenn", "kitchan", "ktichen"})
    EXPECT_TRUE(Resembles(slip, "kitchen", 1)) << slip;
  EXPECT_FALSE(Resembles("kittens", "kitchen", 1));
  EXPECT_FALSE(Resembles("", "ab", 1));
}

TEST(TextTest, SentencesBeginWithACapital) {
  EXPECT_EQ(CapitalSentences("ä. öl. Ü. 5. ÷"), "Ä. Öl. Ü. 5. ÷");
  EXPECT_EQ(CapitalSentences("two. three 1.5 l. "), "Two. Three 1.5 l. ");
  EXPECT_EQ(CapitalSentences(""), "");
  EXPECT_EQ(CapitalSentences("\xC3"), "\xC3");
}

TEST(TextTest, OneLineHasNoBracesOrLineEnds) {
  EXPECT_EQ(OneLine("a\n{1}\t b", 50), "a 1 b");
  EXPECT_EQ(OneLine("ääää", 5), "ää");
  EXPECT_EQ(OneLine(" \n ", 5), "");
}

TEST(CatalogTest, NumbersAreCopiedExactly) {
  EXPECT_EQ(FormatNumber(73.9673, kEn), "73.9673");
  EXPECT_EQ(FormatNumber(73.9673, kDe), "73,9673");
  EXPECT_EQ(FormatNumber(0.1, kEn), "0.1");
  EXPECT_EQ(FormatNumber(1200, kDe), "1200");
  EXPECT_EQ(FormatNumber(-0.0, kEn), "0");
  EXPECT_EQ(FormatNumber(0.00012346, kDe), "0,00012346");
  EXPECT_EQ(FormatQuantity(8.1, "", "kurtosis", kDe), "8,1 (Kurtosis)");
  EXPECT_EQ(FormatQuantity(3.5, "m/s²", "peak", kDe), "3,5 m/s² (Spitze)");
  EXPECT_EQ(FormatQuantity(3.5, "m/s²", "rms", kEn), "3.5 m/s²");
}

TEST(CatalogTest, DurationsReadAfterForAndSeit) {
  EXPECT_EQ(FormatDuration(absl::Seconds(1), kEn), "1 second");
  EXPECT_EQ(FormatDuration(absl::Seconds(45), kDe), "45 Sekunden");
  EXPECT_EQ(FormatDuration(absl::Seconds(125), kEn), "2 minutes 5 seconds");
  EXPECT_EQ(FormatDuration(absl::Minutes(12) + absl::Seconds(5), kDe), "12 Minuten");
  EXPECT_EQ(FormatDuration(absl::Minutes(61), kDe), "1 Stunde 1 Minute");
  EXPECT_EQ(FormatDuration(absl::Hours(49), kDe), "2 Tagen 1 Stunde");
  EXPECT_EQ(FormatDuration(-absl::Seconds(5), kEn), "0 seconds");
}

TEST(CatalogTest, TellsTheLanguages) {
  EXPECT_EQ(DetectLanguage("turn on the light in the kitchen", kDe), kEn);
  EXPECT_EQ(DetectLanguage("mach das Licht in der Küche an", kEn), kDe);
  EXPECT_EQ(DetectLanguage("Was kann ich heute kochen?", kEn), kDe);
  EXPECT_EQ(DetectLanguage("what can I cook tonight", kDe), kEn);
  EXPECT_EQ(DetectLanguage("xyz", kDe), kDe);
  EXPECT_EQ(*LanguageFromCode("de-AT"), kDe);
  EXPECT_FALSE(LanguageFromCode("fr").has_value());
}

TEST(SlotsTest, WordsStandApart) {
  for (const char* good : {"Fry the {1} in oil.", "Auf der {axis}-Achse: {1}, {2} (kalt).", "äÖ"})
    EXPECT_TRUE(IsTidy(good));
  for (const char* bad :
       {"", " a", "a ", "a  b", "goldenBake", "the{1}", "{1}und", "{1}{2}", "Öl{1}", "{1}über"})
    EXPECT_FALSE(IsTidy(bad)) << bad;
}

TEST(CatalogTest, NoticesAWordOfTheOtherLanguage) {
  EXPECT_EQ(ForeignWord("Sprinkle with the {1} und {2}.", kDe), "with");
  EXPECT_EQ(ForeignWord("Sprinkle with the {1} und {2}.", kEn), "und");
  EXPECT_EQ(ForeignWord("{1} in Öl braten und warm servieren.", kDe), "");
  EXPECT_EQ(ForeignWord("Serve warm in a bowl.", kEn), "");
  EXPECT_EQ(ForeignWord("Die {sensor} von {device} liegt über {value}.", kEn), "von");
}

TEST(SlotsTest, FillsEachSlotInOnePass) {
  const std::vector<Slot> slots = {{"a", "{b}"}, {"b", "2"}};
  EXPECT_EQ(*FillSlots("x {a} y {b}", slots), "x {b} y 2");
  EXPECT_THAT(*SlotNames("{b}{a}"), ElementsAre("b", "a"));
}

TEST(SlotsTest, ChecksWhatTheModelWrote) {
  const std::vector<Slot> slots = {{"value", "7"}, {"axis", "X", false}};
  EXPECT_THAT(CheckSlots("is at {value}.", slots), IsOk());
  EXPECT_THAT(CheckSlots("is at {value} on {axis}.", slots), IsOk());
  EXPECT_THAT(CheckSlots("is at.", slots),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("{value} stands 0 times")));
  EXPECT_THAT(CheckSlots("{value} {value}", slots),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 times")));
  EXPECT_THAT(CheckSlots("{value} {z}", slots),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("unknown slot {z}")));
  EXPECT_THAT(CheckSlots("{value} of 12", slots),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("number")));
  for (const char* bad : {"{value", "value}", "{value} {}", "{{value}}"}) {
    EXPECT_THAT(CheckSlots(bad, slots), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

}  // namespace
}  // namespace linnet::answer
