#ifndef LINNET_AGENT_HTTP_REQUEST_CHECKS_H_
#define LINNET_AGENT_HTTP_REQUEST_CHECKS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace linnet::http {

// Is `host` (without port or brackets) this machine: "localhost", 127.0.0.0/8 or ::1?
bool IsLoopback(std::string_view host);

// "host:port", "[::1]:port" or "host" -> host and port ("" when absent). False when it is neither.
bool SplitHostPort(std::string_view text, std::string* host, std::string* port);

// Against DNS rebinding and cross-site requests: PermissionDenied unless `host` (the Host header) names
// loopback, and `origin` (the Origin header) is absent or is exactly http://`host`.
absl::Status CheckHostAndOrigin(std::string_view host, std::string_view origin);

}  // namespace linnet::http

#endif  // LINNET_AGENT_HTTP_REQUEST_CHECKS_H_
