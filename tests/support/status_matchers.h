#ifndef LINNET_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define LINNET_TESTS_SUPPORT_STATUS_MATCHERS_H_

// EXPECT_THAT(file.Sync(), IsOk());
// EXPECT_THAT(GgufFile::Open(fs, path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("tensor")));
// ASSERT_OK_AND_ASSIGN(auto file, GgufFile::Open(fs, path));

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace linnet::testing {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& or_value) {
  return or_value.status();
}

// Of an absl::Status or StatusOr.
MATCHER(IsOk, negation ? "is an error" : "is OK") {
  *result_listener << "which is " << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

MATCHER_P(StatusIs, code, "has status code " + absl::StatusCodeToString(code)) {
  *result_listener << "which is " << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code;
}

MATCHER_P2(StatusIs, code, message,
           "has status code " + absl::StatusCodeToString(code) + " and a message that " +
               ::testing::DescribeMatcher<std::string>(message)) {
  const absl::Status& status = StatusOf(arg);
  *result_listener << "which is " << status.ToString();
  return status.code() == code &&
         ::testing::ExplainMatchResult(message, std::string(status.message().data(), status.message().size()),
                                       result_listener);
}

#define LINNET_TEST_CAT_(a, b) a##b
#define LINNET_TEST_CAT(a, b) LINNET_TEST_CAT_(a, b)
#define ASSERT_OK_AND_ASSIGN_(tmp, lhs, expr)       \
  auto tmp = (expr);                                \
  ASSERT_TRUE(tmp.ok()) << tmp.status().ToString(); \
  lhs = *std::move(tmp)
#define ASSERT_OK_AND_ASSIGN(lhs, expr) \
  ASSERT_OK_AND_ASSIGN_(LINNET_TEST_CAT(linnet_test_or_, __LINE__), lhs, expr)

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_STATUS_MATCHERS_H_
