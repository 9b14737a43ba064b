// Every refusal of the reader, with the words that tell a person what is wrong.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gguf/gguf_bytes.h"
#include "tests/support/status_matchers.h"

namespace linnet::gguf {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;
constexpr uint32_t kF32 = 0;

auto Says(const std::string& a, const std::string& b = "bad.gguf") {
  return StatusIs(kDataLoss, AllOf(HasSubstr(a), HasSubstr(b), HasSubstr("bad.gguf")));
}

TEST(GgufRefusalTest, RefusesWhatIsNotGguf) {
  EXPECT_THAT(Bytes{}.Parse(), Says("not a GGUF file", "0 bytes"));
  EXPECT_THAT(Bytes{"GGU"}.Parse(), Says("not a GGUF file", "3 bytes"));
  EXPECT_THAT(Bytes{"PK\3\4 a zip archive"}.Parse(), Says("not a GGUF file"));
}

TEST(GgufRefusalTest, RefusesAHeadThatIsCutShort) {
  const std::string head = Bytes{}.Head(0, 0).text;
  for (size_t size = 4; size < head.size(); ++size) {
    EXPECT_THAT(Bytes{head.substr(0, size)}.Parse(), Says("at byte", "cut short")) << size;
  }
  EXPECT_THAT(Bytes{head}.Parse(), IsOk());
}

TEST(GgufRefusalTest, NamesVersionsItDoesNotRead) {
  for (const uint32_t version : {0U, 1U, 4U}) {
    EXPECT_THAT(Bytes{}.Head(0, 0, version).Parse(),
                StatusIs(kUnimplemented, HasSubstr("version " + std::to_string(version))));
  }
  EXPECT_THAT(Bytes{}.Head(0, 0, 2).Parse(), IsOk());
}

TEST(GgufRefusalTest, NamesBigEndianFiles) {
  EXPECT_THAT(Bytes{}.Head(0, 0, 0x03000000).Parse(),
              StatusIs(kUnimplemented, AllOf(HasSubstr("big-endian"), HasSubstr("version 3"))));
}

TEST(GgufRefusalTest, RefusesCountsThatTheFileCannotHold) {
  for (const uint64_t count : {uint64_t{1}, uint64_t{1000000000}, uint64_t{1} << 63, ~uint64_t{0}}) {
    EXPECT_THAT(Bytes{}.Head(0, count).Parse(),
                Says("claims " + std::to_string(count) + " keys", "at byte 16"));
    EXPECT_THAT(Bytes{}.Head(count, 0).Parse(),
                Says("claims " + std::to_string(count) + " tensors", "at byte 8"));
  }
  // More than the cap, in a file that could hold them.
  EXPECT_THAT(Bytes{}.Head(0, 2000000).Zeros(2000000 * 14).Parse(), Says("claims 2000000 keys", "refused"));
}

TEST(GgufRefusalTest, RefusesTensorsThatDoNotFitAfterTheMetadata) {
  EXPECT_THAT(Bytes{}.Head(1, 1).Key("k", ValueType::kString).Text(std::string(40, 'x')).Parse(),
              Says("claims 1 tensors"));
}

TEST(GgufRefusalTest, RefusesKeyNamesOfAbsurdLength) {
  for (const uint64_t length : {uint64_t{1} << 63, ~uint64_t{0}, uint64_t{1000}}) {
    EXPECT_THAT(Bytes{}.Head(0, 1).U64(length).Zeros(32).Parse(), Says("name of key 0 needs", "cut short"));
  }
  EXPECT_THAT(Bytes{}.Head(0, 1).U64(0).Zeros(32).Parse(), Says("name of key 0 has 0 bytes"));
  EXPECT_THAT(Bytes{}.Head(0, 1).Key(std::string(65536, 'k'), ValueType::kUint8).Put(uint8_t{1}).Parse(),
              Says("65536 bytes"));
}

TEST(GgufRefusalTest, RefusesDuplicateKeys) {
  EXPECT_THAT(Bytes{}
                  .Head(0, 2)
                  .Key("general.name", ValueType::kUint32)
                  .U32(1)
                  .Key("general.name", ValueType::kUint32)
                  .U32(1)
                  .Parse(),
              Says("'general.name'", "there twice"));
}

TEST(GgufRefusalTest, RefusesUnknownValueTypes) {
  EXPECT_THAT(Bytes{}.Head(0, 1).Text("k").U32(13).Zeros(16).Parse(), Says("'k' has value type 13"));
  EXPECT_THAT(Bytes{}.Head(0, 1).Key("k", ValueType::kArray).U32(99).U64(0).Parse(),
              Says("elements of key 'k' has value type 99"));
}

TEST(GgufRefusalTest, RefusesValuesThatAreCutShort) {
  for (uint32_t type = 0; type < kValueTypeCount; ++type) {
    Bytes whole;
    whole.Head(0, 1).Text("cut").U32(type).Zeros(type == 9 ? 12 : 8);
    const size_t value = 24 + 8 + 3 + 4;
    const size_t fixed = FixedSizeBytes(static_cast<ValueType>(type));
    const size_t needs = fixed != 0 ? fixed : type == 9 ? 12 : 8;
    for (size_t size = value; size < value + needs; ++size) {
      EXPECT_THAT(Bytes{whole.text.substr(0, size)}.Parse(), StatusIs(kDataLoss)) << type << " " << size;
    }
    EXPECT_THAT(Bytes{whole.text.substr(0, value + needs)}.Parse(), IsOk()) << type;
  }
}

TEST(GgufRefusalTest, RefusesStringsOfAbsurdLength) {
  for (const uint64_t length : {uint64_t{1} << 63, ~uint64_t{0}, ~uint64_t{0} - 7}) {
    EXPECT_THAT(Bytes{}.Head(0, 1).Key("k", ValueType::kString).U64(length).Zeros(8).Parse(),
                Says("key 'k'"));
    EXPECT_THAT(Bytes{}
                    .Head(0, 1)
                    .Key("k", ValueType::kArray)
                    .Array(ValueType::kString, 1)
                    .U64(length)
                    .Zeros(8)
                    .Parse(),
                Says("element 0 of key 'k'"));
  }
}

TEST(GgufRefusalTest, RefusesArraysOfAbsurdLength) {
  for (uint32_t type = 0; type < kValueTypeCount; ++type) {
    for (const uint64_t count : {uint64_t{1000000000}, uint64_t{1} << 61, uint64_t{1} << 63, ~uint64_t{0}}) {
      EXPECT_THAT(Bytes{}
                      .Head(0, 1)
                      .Key("k", ValueType::kArray)
                      .Array(static_cast<ValueType>(type), count)
                      .Zeros(64)
                      .Parse(),
                  Says("key 'k' claims " + std::to_string(count)));
    }
  }
}

TEST(GgufRefusalTest, RefusesDeepNesting) {
  const auto nested = [](int depth) {
    Bytes bytes;
    bytes.Head(0, 1).Key("k", ValueType::kArray);
    for (int i = 1; i < depth; ++i) bytes.Array(ValueType::kArray, 1);
    bytes.Array(ValueType::kUint8, 1).Put(uint8_t{7});
    return bytes.Parse();
  };
  EXPECT_THAT(nested(4), IsOk());
  EXPECT_THAT(nested(5), Says("nests arrays more than 4 deep"));
  EXPECT_THAT(nested(100000), Says("nests arrays"));
}

TEST(GgufRefusalTest, RefusesBoolsThatAreNeither) {
  EXPECT_THAT(Bytes{}.Head(0, 1).Key("flag", ValueType::kBool).Put(uint8_t{2}).Parse(),
              Says("'flag' holds 2"));
  EXPECT_THAT(Bytes{}
                  .Head(0, 1)
                  .Key("flag", ValueType::kArray)
                  .Array(ValueType::kBool, 2)
                  .Put(uint16_t{0x0301})
                  .Parse(),
              Says("'flag' holds 3"));
}

TEST(GgufRefusalTest, RefusesAlignmentsThatAreNone) {
  for (const uint32_t alignment : {0U, 1U, 4U, 24U, 33U, 0x80000000U}) {
    EXPECT_THAT(Bytes{}.Head(0, 1).Key("general.alignment", ValueType::kUint32).U32(alignment).Parse(),
                Says("general.alignment is " + std::to_string(alignment)));
  }
  EXPECT_THAT(Bytes{}.Head(0, 1).Key("general.alignment", ValueType::kUint64).U64(32).Parse(),
              Says("general.alignment is of type uint64"));
}

TEST(GgufRefusalTest, RefusesTensorNamesThatAreNone) {
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("", 1, kF32, 0).Zeros(64).Parse(),
              Says("name of tensor 0 has 0 bytes"));
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor(std::string(65, 't'), 1, kF32, 0).Zeros(64).Parse(),
              Says("65 bytes"));
  EXPECT_THAT(Bytes{}.Head(1, 0).U64(uint64_t{1} << 63).Zeros(64).Parse(), Says("name of tensor 0 needs"));
}

TEST(GgufRefusalTest, RefusesDuplicateTensors) {
  EXPECT_THAT(Bytes{}.Head(2, 0).Tensor("t", 1, kF32, 0).Tensor("t", 1, kF32, 32).Pad().Zeros(64).Parse(),
              Says("tensor 't' is there twice"));
}

TEST(GgufRefusalTest, RefusesShapesThatAreNone) {
  EXPECT_THAT(Bytes{}.Head(1, 0).Text("t").U32(0).Zeros(64).Parse(), Says("'t' has 0 dimensions"));
  EXPECT_THAT(Bytes{}.Head(1, 0).Text("t").U32(5).Zeros(64).Parse(), Says("'t' has 5 dimensions"));
  EXPECT_THAT(Bytes{}.Head(1, 0).Text("t").U32(0xffffffff).Zeros(64).Parse(), Says("4294967295 dimensions"));
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("t", 0, kF32, 0).Zeros(64).Parse(), Says("shape [0]"));
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("t", uint64_t{1} << 62, kF32, 0).Zeros(64).Parse(), Says("2^63"));
  EXPECT_THAT(Bytes{}.Head(1, 0).Text("t").U32(2).U64(4).U64(0).U32(kF32).U64(0).Zeros(64).Parse(),
              Says("shape [4, 0]"));
  const uint64_t big = uint64_t{1} << 32;
  EXPECT_THAT(
      Bytes{}.Head(1, 0).Text("t").U32(4).U64(big).U64(big).U64(1).U64(1).U32(kF32).U64(0).Zeros(64).Parse(),
      Says("2^63"));
  // A product that wraps around to something small.
  EXPECT_THAT(Bytes{}.Head(1, 0).Text("t").U32(3).U64(big).U64(big).U64(3).U32(kF32).U64(0).Zeros(64).Parse(),
              Says("2^63"));
}

TEST(GgufRefusalTest, RefusesRowsThatAreNoWholeBlocks) {
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("t", 33, 8, 0).Pad().Zeros(512).Parse(),
              Says("of type Q8_0 has shape [33]", "multiple of 32"));
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("t", 32, 12, 0).Pad().Zeros(512).Parse(), Says("multiple of 256"));
}

TEST(GgufRefusalTest, RefusesTensorTypesOfUnknownSize) {
  for (const uint32_t type : {4U, 31U, 99U, 0xffffffffU}) {
    EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("t", 32, type, 0).Pad().Zeros(512).Parse(),
                StatusIs(kUnimplemented, AllOf(HasSubstr("tensor 't'"), HasSubstr(std::to_string(type)))));
  }
}

TEST(GgufRefusalTest, RefusesTensorListsThatAreCutShort) {
  const std::string head = Bytes{}.Head(2, 0).Tensor("first", 1, kF32, 0).Tensor("second", 1, kF32, 32).text;
  for (size_t size = 24; size < head.size(); ++size) {
    EXPECT_THAT(Bytes{head.substr(0, size)}.Parse(), StatusIs(kDataLoss)) << size;
  }
}

TEST(GgufRefusalTest, RefusesTensorsOutsideTheFile) {
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("t", 8, kF32, 0).Pad().Zeros(31).Parse(),
              Says("'t' has 32 bytes", "cut short"));
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("t", 8, kF32, 0).Pad().Zeros(32).Parse(), IsOk());
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("t", 8, kF32, 0).Parse(), Says("cut short"));
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("t", 8, kF32, uint64_t{1} << 63).Pad().Zeros(64).Parse(),
              Says("cut short"));
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("t", 8, kF32, ~uint64_t{31}).Pad().Zeros(64).Parse(),
              Says("cut short"));
}

TEST(GgufRefusalTest, RefusesMisalignedTensors) {
  EXPECT_THAT(Bytes{}.Head(1, 0).Tensor("t", 1, kF32, 8).Pad().Zeros(64).Parse(),
              Says("offset 8", "alignment 32"));
  EXPECT_THAT(Bytes{}
                  .Head(1, 1)
                  .Key("general.alignment", ValueType::kUint32)
                  .U32(8)
                  .Tensor("t", 1, kF32, 8)
                  .Pad(8)
                  .Zeros(64)
                  .Parse(),
              IsOk());
}

TEST(GgufRefusalTest, RefusesOverlappingTensors) {
  EXPECT_THAT(Bytes{}.Head(2, 0).Tensor("a", 16, kF32, 0).Tensor("b", 1, kF32, 32).Pad().Zeros(128).Parse(),
              Says("'a' and 'b' overlap"));
  EXPECT_THAT(Bytes{}.Head(2, 0).Tensor("a", 1, kF32, 32).Tensor("b", 9, kF32, 0).Pad().Zeros(128).Parse(),
              Says("'b' and 'a' overlap"));
  EXPECT_THAT(Bytes{}.Head(2, 0).Tensor("a", 1, kF32, 0).Tensor("b", 1, kF32, 0).Pad().Zeros(128).Parse(),
              Says("overlap"));
}

TEST(GgufRefusalTest, ShowsHostileNamesEscapedAndShort) {
  const std::string hostile = "\x1b[2Jevil\n" + std::string(200, 'x');
  const auto file = Bytes{}.Head(0, 1).Key(hostile, ValueType::kBool).Put(uint8_t{9}).Parse();
  ASSERT_THAT(file, StatusIs(kDataLoss));
  const std::string message(file.status().message());
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_LT(message.size(), 200U);
}

}  // namespace
}  // namespace linnet::gguf
