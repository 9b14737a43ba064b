#ifndef LINNET_RUNTIME_BASE_LOG_H_
#define LINNET_RUNTIME_BASE_LOG_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace linnet::base {

// A value that may stand in a log. Text written in the program (a literal), numbers, and what was explicitly
// vouched for: ids, paths of our own, hashes. User text has no constructor here, so it cannot be logged by
// accident.
class LogValue {
 public:
  template <size_t N>
  LogValue(const char (&literal)[N])
      : json_(Quote({literal, N - 1})) {}  // NOLINT(google-explicit-constructor)
  LogValue(int v) : json_(std::to_string(v)) {}
  LogValue(int64_t v) : json_(std::to_string(v)) {}
  LogValue(uint64_t v) : json_(std::to_string(v)) {}
  LogValue(uint32_t v) : json_(std::to_string(v)) {}
  LogValue(double v) : json_(std::to_string(v)) {}
  LogValue(bool v) : json_(v ? "true" : "false") {}
  // `vouched` is an identifier, path or hash that this program made, never anything a user typed or a model
  // said.
  static LogValue Id(std::string_view vouched);
  // The code's name and the message; our status messages name files, fields and sizes, not contents.
  static LogValue Error(const absl::Status& status);

  const std::string& json() const { return json_; }

 private:
  LogValue() = default;
  static std::string Quote(std::string_view text);
  std::string json_;
};

struct LogField {
  std::string_view name;
  LogValue value;
};

enum class Severity : uint8_t { kDebug, kInfo, kWarning, kError };

// Lines below `least` are dropped. Default: kInfo; LINNET_LOG=debug|info|warning|error sets it at start.
// Thread-safe.
void SetLogSeverity(Severity least);

// One JSON line on stderr: {"t":"...","level":"info","event":"...",fields...}. Thread-safe; never throws;
// bounded length.
void Log(Severity severity, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_LOG_H_
