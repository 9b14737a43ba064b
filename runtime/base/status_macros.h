#ifndef LINNET_RUNTIME_BASE_STATUS_MACROS_H_
#define LINNET_RUNTIME_BASE_STATUS_MACROS_H_

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define LINNET_MACRO_CAT_(a, b) a##b
#define LINNET_MACRO_CAT(a, b) LINNET_MACRO_CAT_(a, b)

// Returns from the enclosing function when `expr` (an absl::Status) is not OK.
#define LINNET_RETURN_IF_ERROR(expr)                                  \
  do {                                                                \
    if (absl::Status linnet_status_ = (expr); !linnet_status_.ok()) { \
      return linnet_status_;                                          \
    }                                                                 \
  } while (false)

// LINNET_ASSIGN_OR_RETURN(auto x, F()): x is F()'s value, or the enclosing function returns F()'s error.
#define LINNET_ASSIGN_OR_RETURN(lhs, expr) \
  LINNET_ASSIGN_OR_RETURN_(LINNET_MACRO_CAT(linnet_or_, __LINE__), lhs, expr)
// The names are declared here, so they stand without parentheses. NOLINTBEGIN(bugprone-macro-parentheses)
#define LINNET_ASSIGN_OR_RETURN_(tmp, lhs, expr) \
  auto tmp = (expr);                             \
  if (!tmp.ok()) {                               \
    return std::move(tmp).status();              \
  }                                              \
  lhs = *std::move(tmp)
// NOLINTEND(bugprone-macro-parentheses)

// Our own mistakes only; bytes from outside are errors, not checks. Always on.
#define LINNET_CHECK(cond)                                                          \
  do {                                                                              \
    if (!(cond)) {                                                                  \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #cond); \
      std::abort();                                                                 \
    }                                                                               \
  } while (false)

#endif  // LINNET_RUNTIME_BASE_STATUS_MACROS_H_
