#include "deploy/cli/command.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "runtime/base/utf8.h"

namespace linnet::cli {

void Runs(CLI::App* command, Context& context, std::function<absl::Status()> action) {
  command->callback([&context, action = std::move(action)] { context.result = action(); });
}

std::string UsageLine(const CLI::App& app, const CLI::ParseError& error) {
  constexpr size_t kMaxTold = 300;
  const CLI::App* command = &app;
  std::string name = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    absl::StrAppend(&name, " ", command->get_name());
  }
  std::string what = error.what();
  if (const std::vector<std::string> extra = app.remaining(/*recurse=*/true);
      !extra.empty() && !command->get_subcommands([](const CLI::App*) { return true; }).empty()) {
    what = absl::StrCat("\"", extra.front(), "\" is not a command of ", name);
  }
  return absl::StrCat(app.get_name(), ": ", base::OneLine(what, kMaxTold), "; see ", name, " --help");
}

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kOutOfRange:
      return kExitBadData;
    case absl::StatusCode::kUnimplemented:
      return kExitUnsupported;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kExitRefused;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnreachable;
    case absl::StatusCode::kResourceExhausted:
      return kExitNoRoom;
    default:
      return kExitFailed;
  }
}

}  // namespace linnet::cli
