#include "runtime/base/log.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace linnet::base {
namespace {

constexpr size_t kMaxLineBytes = 4096;

Severity SeverityFromEnvironment() {
  const char* value = std::getenv("LINNET_LOG");
  const std::string_view name = value == nullptr ? "" : value;
  if (name == "debug") return Severity::kDebug;
  if (name == "warning") return Severity::kWarning;
  if (name == "error") return Severity::kError;
  return Severity::kInfo;
}

std::atomic<Severity>& Least() {
  static std::atomic<Severity> least{SeverityFromEnvironment()};
  return least;
}

std::string_view Name(Severity severity) {
  switch (severity) {
    case Severity::kDebug:
      return "debug";
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

}  // namespace

std::string LogValue::Quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + '"';
}

LogValue LogValue::Id(std::string_view vouched) {
  LogValue value;
  value.json_ = Quote(vouched);
  return value;
}

LogValue LogValue::Error(const absl::Status& status) {
  return Id(status.ToString(absl::StatusToStringMode::kWithNoExtraData));
}

void SetLogSeverity(Severity least) { Least() = least; }

void Log(Severity severity, std::string_view event, std::initializer_list<LogField> fields) {
  if (severity < Least().load(std::memory_order_relaxed)) return;
  std::string line = "{\"t\":\"";
  line += absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  line += "\",\"level\":\"";
  line += Name(severity);
  line += "\",\"event\":";
  line += LogValue::Id(event).json();
  for (const LogField& field : fields) {
    line += ',';
    line += LogValue::Id(field.name).json();
    line += ':';
    line += field.value.json();
    if (line.size() > kMaxLineBytes) break;
  }
  line += "}\n";
  // One write, so that lines of several threads do not mix; a full or closed log is no reason to fail.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace linnet::base
