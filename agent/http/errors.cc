#include "agent/http/errors.h"

#include <nlohmann/json.hpp>

#include "runtime/base/string_view.h"

namespace linnet::http {
namespace {

using nlohmann::ordered_json;

ordered_json OrNull(const std::string& text) { return text.empty() ? ordered_json() : ordered_json(text); }

}  // namespace

std::string ErrorBody(const ApiError& error) {
  const ordered_json body = {{"error",
                              {{"message", error.message},
                               {"type", error.type},
                               {"param", OrNull(error.param)},
                               {"code", OrNull(error.code)}}}};
  return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Response ErrorResponse(const ApiError& error) {
  Response response;
  response.status = error.status;
  response.headers = {{"content-type", "application/json"}};
  if (error.status == 401) response.headers.emplace_back("www-authenticate", "Bearer");
  if (error.status == 429) response.headers.emplace_back("retry-after-ms", "500");
  if (error.status >= 500) response.headers.emplace_back("x-should-retry", "false");
  response.body = ErrorBody(error);
  return response;
}

ApiError FromStatus(const absl::Status& status) {
  ApiError error;
  error.message = base::Message(status);
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      break;
    case absl::StatusCode::kOutOfRange:
      error.code = "context_length_exceeded";
      error.param = "messages";
      break;
    case absl::StatusCode::kUnauthenticated:
      error.status = 401;
      error.code = "invalid_api_key";
      break;
    case absl::StatusCode::kPermissionDenied:
      error.status = 403;
      error.type = "permission_error";
      break;
    case absl::StatusCode::kNotFound:
      error.status = 404;
      break;
    case absl::StatusCode::kFailedPrecondition:
      error.status = 409;
      break;
    case absl::StatusCode::kResourceExhausted:
      error.status = 429;
      error.type = "rate_limit_error";
      error.code = "queue_full";
      break;
    case absl::StatusCode::kUnavailable:
      error.status = 503;
      error.type = "unavailable_error";
      error.code = "unavailable";
      break;
    case absl::StatusCode::kDeadlineExceeded:
      error.status = 504;
      error.type = "api_error";
      error.code = "deadline_exceeded";
      break;
    case absl::StatusCode::kUnimplemented:
      error.code = "unsupported";
      break;
    default:
      error.status = 500;
      error.type = "api_error";
      break;
  }
  return error;
}

}  // namespace linnet::http
