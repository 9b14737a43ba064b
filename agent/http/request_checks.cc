#include "agent/http/request_checks.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace linnet::http {
namespace {

bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// 127.a.b.c with four plain decimal parts; the short and octal forms of inet_aton are not names of loopback.
bool IsLoopbackV4(std::string_view host) {
  int parts = 0;
  while (true) {
    const size_t dot = host.find('.');
    const std::string_view part = host.substr(0, dot);
    if (part.empty() || part.size() > 3 || !AllDigits(part) || (part.size() > 1 && part[0] == '0'))
      return false;
    if (std::stoi(std::string(part)) > 255) return false;
    if (parts == 0 && part != "127") return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    host.remove_prefix(dot + 1);
  }
}

}  // namespace

bool IsLoopback(std::string_view host) {
  const std::string lower = absl::AsciiStrToLower(std::string(host));
  return lower == "localhost" || lower == "::1" || IsLoopbackV4(lower);
}

bool SplitHostPort(std::string_view text, std::string* host, std::string* port) {
  std::string_view rest;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    *host = std::string(text.substr(1, end - 1));
    rest = text.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') return false;
  } else {
    const size_t colon = text.find(':');
    *host = std::string(text.substr(0, colon));
    rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  port->clear();
  if (!rest.empty()) {
    rest.remove_prefix(1);
    if (rest.empty() || rest.size() > 5 || !AllDigits(rest)) return false;
    *port = std::string(rest);
  }
  return !host->empty();
}

absl::Status CheckHostAndOrigin(std::string_view host, std::string_view origin) {
  std::string name, port;
  if (!SplitHostPort(host, &name, &port) || !IsLoopback(name)) {
    return absl::PermissionDeniedError(
        "the Host header does not name this machine's loopback address; use http://127.0.0.1 or "
        "http://localhost");
  }
  if (!origin.empty()) {
    const std::string same = absl::StrCat("http://", std::string(host));
    if (absl::AsciiStrToLower(std::string(origin)) != absl::AsciiStrToLower(same)) {
      return absl::PermissionDeniedError("requests from web pages of another origin are refused");
    }
  }
  return absl::OkStatus();
}

}  // namespace linnet::http
