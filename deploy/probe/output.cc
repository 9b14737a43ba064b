#include "deploy/probe/output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "deploy/probe/commands.h"
#include "runtime/base/string_view.h"
#include "runtime/kernels/kv_types.h"

namespace linnet::probe {

int ExitCodeOf(const absl::Status& status, Phase phase) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kOk;
    case absl::StatusCode::kUnimplemented:
      return kUnsupported;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
      return phase == Phase::kFile ? kBadFile : kUsage;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
      return phase == Phase::kFile ? kBadFile : kFailed;
    case absl::StatusCode::kDataLoss:
      return kBadFile;
    case absl::StatusCode::kResourceExhausted:
      return kNoRoom;
    default:
      return kFailed;
  }
}

int Fail(const std::string& file, const absl::Status& status, Phase phase, bool json) {
  std::string message = base::Message(status);
  std::replace_if(message.begin(), message.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  // Most messages begin with the file already.
  const std::string prefix = file.empty() || message.starts_with(file) ? "" : file + ": ";
  // NotFound is also what a file lacks, a key say; that is a bad file.
  const bool absent = phase == Phase::kFile && absl::IsNotFound(status) && access(file.c_str(), F_OK) != 0;
  const int code = absent ? kNotFound : ExitCodeOf(status, phase);
  std::fflush(stdout);
  std::fprintf(stderr, "linnet: %s%s\n", prefix.c_str(), message.c_str());
  if (json) {
    Print({{"ok", false},
           {"error", prefix + message},
           {"code", absl::StatusCodeToString(status.code())},
           {"exit", code}});
  }
  return code;
}

void Print(const nlohmann::json& value) {
  const std::string line = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

const char* KvName(kernels::KvType kv) { return kernels::NameOf(kv).data(); }

nlohmann::json Describe(const engine::ModelInfo& info) {
  return {{"name", info.name},
          {"architecture", info.architecture},
          {"license", info.license},
          {"path", info.path},
          {"file_bytes", info.file_bytes},
          {"parameters", info.parameters},
          {"context_tokens", info.context_tokens},
          {"vocabulary", info.vocabulary},
          {"layers", info.layers},
          {"kernel_set", info.kernel_set},
          {"kv", KvName(info.kv)},
          {"threads", info.threads},
          {"sessions", info.sessions}};
}

}  // namespace linnet::probe
