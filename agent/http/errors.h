#ifndef LINNET_AGENT_HTTP_ERRORS_H_
#define LINNET_AGENT_HTTP_ERRORS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "agent/http/http_server.h"

namespace linnet::http {

// An error as OpenAI's clients read it: {"error":{"message","type","param","code"}}.
struct ApiError {
  int status = 400;
  std::string message;
  std::string type = "invalid_request_error";
  std::string param;  // the parameter that is wrong; empty: null
  std::string code;   // for programs; empty: null
};

std::string ErrorBody(const ApiError& error);
// With content-type, and x-should-retry: false where trying again cannot help (stock clients retry 5xx).
Response ErrorResponse(const ApiError& error);

// OutOfRange: 400 context_length_exceeded. ResourceExhausted: 429 queue_full with retry-after-ms.
// Unauthenticated: 401 invalid_api_key. DeadlineExceeded: 504, not to be retried. Unavailable: 503.
ApiError FromStatus(const absl::Status& status);

}  // namespace linnet::http

#endif  // LINNET_AGENT_HTTP_ERRORS_H_
