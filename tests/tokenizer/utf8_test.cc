#include "runtime/tokenizer/utf8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/tokenizer/byte_names.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::tokenizer {
namespace {

constexpr char kBad[] = "\xef\xbf\xbd";

TEST(Utf8Test, EveryCodePointSurvivesTheRoundTrip) {
  for (uint32_t code = 0; code <= 0x10ffff; ++code) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    std::string text;
    AppendUtf8(text, code);
    const Decoded decoded = DecodeUtf8(text, 0);
    ASSERT_TRUE(decoded.valid) << code;
    ASSERT_EQ(decoded.code, code);
    ASSERT_EQ(decoded.size, text.size());
  }
}

TEST(Utf8Test, RefusesOverlongFormsSurrogatesAndWhatIsTooLarge) {
  for (const char* text : {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80", "\xff"}) {
    const Decoded decoded = DecodeUtf8(text, 0);
    EXPECT_FALSE(decoded.valid);
    EXPECT_FALSE(decoded.cut);
    EXPECT_EQ(decoded.size, 1);
  }
}

TEST(Utf8Test, TellsWhatIsCutFromWhatIsBad) {
  EXPECT_TRUE(DecodeUtf8("\xe2\x96", 0).cut);
  EXPECT_EQ(DecodeUtf8("\xe2\x96", 0).size, 2);
  EXPECT_FALSE(DecodeUtf8("\xe2\x96x", 0).cut);
  EXPECT_EQ(DecodeUtf8("\xe2\x96x", 0).size, 2);
}

TEST(Utf8Test, ClassesAreUnicodeCategories) {
  EXPECT_EQ(ClassOf('a'), kLetter);
  EXPECT_EQ(ClassOf(0x6211), kLetter);  // 我
  EXPECT_EQ(ClassOf('7'), kNumber);
  EXPECT_EQ(ClassOf(0xbd), kNumber);    // ½, No
  EXPECT_EQ(ClassOf(0x216b), kNumber);  // Ⅻ, Nl
  EXPECT_EQ(ClassOf('!'), kPunctuation);
  EXPECT_EQ(ClassOf('$'), kSymbol);
  EXPECT_EQ(ClassOf('~'), kSymbol);
  EXPECT_EQ(ClassOf(0x1f600), kSymbol);
  EXPECT_EQ(ClassOf(0x301), kMark);   // Mn
  EXPECT_EQ(ClassOf(0x93f), kMark);   // Mc
  EXPECT_EQ(ClassOf(0x20dd), kMark);  // Me
  EXPECT_EQ(ClassOf(1), 0);
  for (const uint32_t space : {9U, 10U, 11U, 12U, 13U, 32U, 0x85U, 0xa0U, 0x2003U, 0x2028U, 0x3000U}) {
    EXPECT_EQ(ClassOf(space), kSpace) << space;
  }
  EXPECT_EQ(ClassOf(0x200b), 0);  // zero width space is none
}

TEST(ByteNamesTest, AreDistinctAndStandForTheirBytes) {
  std::string all, expected;
  for (int byte = 0; byte < 256; ++byte) {
    AppendNamedBytes(all, ByteNames()[static_cast<size_t>(byte)]);
    expected.push_back(static_cast<char>(byte));
  }
  EXPECT_EQ(all, expected);
  EXPECT_EQ(ByteNames()[' '], "\xc4\xa0");   // Ġ
  EXPECT_EQ(ByteNames()['\n'], "\xc4\x8a");  // Ċ
  EXPECT_EQ(ByteNames()['a'], "a");
}

TEST(ByteNamesTest, WhatNamesNoByteStandsForItself) {
  std::string out;
  AppendNamedBytes(out, "\xe6\x88\x91\xff!");
  EXPECT_EQ(out, "\xe6\x88\x91\xff!");
}

TEST(Utf8StreamTest, HoldsAnIncompleteSequenceBack) {
  Utf8Stream stream;
  EXPECT_EQ(stream.Push("a\xf0\x9f"), "a");
  EXPECT_EQ(stream.Push("\x98"), "");
  EXPECT_EQ(stream.Push("\x80z"), "\xf0\x9f\x98\x80z");
  EXPECT_EQ(stream.Finish(), "");
}

TEST(Utf8StreamTest, BadBytesBecomeReplacements) {
  Utf8Stream stream;
  EXPECT_EQ(stream.Push("a\xff\xfe"
                        "b"),
            std::string("a") + kBad + kBad + "b");
  EXPECT_EQ(stream.Push("\xe2\x96"), "");
  EXPECT_EQ(stream.Push("x"), std::string(kBad) + "x");
  EXPECT_EQ(stream.Push("\xe2"), "");
  EXPECT_EQ(stream.Finish(), kBad);
  EXPECT_EQ(stream.Finish(), "");
}

// However bytes are cut into pieces, what is shown is the same, and each piece shown is UTF-8.
TEST(Utf8StreamTest, TheCutDoesNotMatter) {
  const std::string text = "gr\xc3\xbc\xc3\x9f\xff\xe2\x82\xac\xed\xa0\x80 \xf0\x9f\x98\x80\xf0\x9f\x98";
  Utf8Stream whole;
  std::string expected = whole.Push(text);
  expected += whole.Finish();
  for (size_t size = 1; size < text.size(); ++size) {
    Utf8Stream stream;
    std::string shown;
    for (size_t at = 0; at < text.size(); at += size)
      shown += stream.Push(std::string_view(text).substr(at, size));
    shown += stream.Finish();
    EXPECT_EQ(shown, expected) << size;
  }
}

// Every way to cut sequences of 2, 3 and 4 bytes, whole, broken and unfinished, into pieces.
TEST(Utf8StreamTest, EveryCutOfEverySequence) {
  for (const std::string text :
       {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", "\xf0\x9f\x98\xe2\x82\xc3", "\xe2\x82\xac\xe2\x82x\xf0\x9fy",
        "\xf4\x8f\xbf\xbf\xf4\x90\x80\x80", "\xc3\xc3\xbc\xbc\xe2\xe2\x82"}) {
    Utf8Stream whole;
    std::string expected = whole.Push(text);
    expected += whole.Finish();
    for (unsigned cuts = 0; cuts < 1U << (text.size() - 1); ++cuts) {
      Utf8Stream stream;
      std::string shown, piece;
      const auto show = [&](const std::string& now) {
        ASSERT_EQ(Utf8Stream().Push(now), now) << cuts;
        shown += now;
      };
      for (size_t i = 0; i < text.size(); ++i) {
        piece += text[i];
        if (i + 1 < text.size() && (cuts >> i & 1U) == 0) continue;
        show(stream.Push(piece));
        piece.clear();
      }
      show(stream.Finish());
      ASSERT_EQ(shown, expected) << cuts;
    }
  }
}

}  // namespace
}  // namespace linnet::tokenizer
