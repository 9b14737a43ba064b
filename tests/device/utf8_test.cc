#include "agent/device/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace linnet::device {
namespace {

TEST(Utf8Test, TakesWholeShortestForms) {
  for (const char* good :
       {"", "plain", "Küche", "€", "\xf0\x9f\x90\xa6", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
}

TEST(Utf8Test, RefusesTheRest) {
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xc1\xbf", "\xe2\x82", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xff", "\xc3("}) {
    EXPECT_FALSE(IsUtf8(bad)) << bad;
  }
}

TEST(Utf8Test, NamesHaveNoControlCharactersAndAnEnd) {
  EXPECT_TRUE(IsName("Küche", 6));
  EXPECT_FALSE(IsName("Küche", 5));
  EXPECT_FALSE(IsName("", 5));
  EXPECT_FALSE(IsName("a\nb", 5));
  EXPECT_FALSE(IsName("a\x7f", 5));
  EXPECT_FALSE(IsName(std::string_view("a\0b", 3), 5));
}

}  // namespace
}  // namespace linnet::device
