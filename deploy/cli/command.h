#ifndef LINNET_DEPLOY_CLI_COMMAND_H_
#define LINNET_DEPLOY_CLI_COMMAND_H_

#include <functional>
#include <string>

#include "absl/status/status.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace linnet::cli {

// What every command shares. `json`: the command prints one JSON value for programs instead of text for
// people.
struct Context {
  bool json = false;
  std::string passphrase_file;  // keys at rest; empty: asked on the terminal, or LINNET_PASSPHRASE
  std::string token_pin_file;   // of PKCS#11 tokens; empty: asked on the terminal, or LINNET_TOKEN_PIN
  absl::Status result;          // of the command that ran
  int exit_code = 0;            // when `result` is OK
};

// Each group of commands is one file; it adds its subcommands to `app` and runs them through `context`.
void AddSiteCommands(CLI::App& app, Context& context);
// Below "site".
void AddRoleCommands(CLI::App& group, Context& context);
void AddBundleCommand(CLI::App& group, Context& context);
void AddRevokedCommand(CLI::App& group, Context& context);
// Below "device".
void AddRevokeCommand(CLI::App& group, Context& context);
// Below "audit".
void AddTransparencyCommand(CLI::App& group, Context& context);
// Below the top.
void AddDeviceCommands(CLI::App& app, Context& context);
void AddModelCommands(CLI::App& app, Context& context);
void AddRolloutCommands(CLI::App& app, Context& context);
void AddAuditCommands(CLI::App& app, Context& context);
void AddAskCommands(CLI::App& app, Context& context);
void AddDataCommands(CLI::App& app, Context& context);
void AddPrivacyCommands(CLI::App& app, Context& context);

// Makes `action` what `command` does.
void Runs(CLI::App* command, Context& context, std::function<absl::Status()> action);

// What was wrong with the command line, and which --help tells more: one line.
std::string UsageLine(const CLI::App& app, const CLI::ParseError& error);

// Documented in `linnet --help`.
enum ExitCode {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitBadData = 3,
  kExitUnsupported = 4,
  kExitNotFound = 5,
  kExitRefused = 6,
  kExitUnreachable = 7,
  kExitNoRoom = 8,
  kExitDue = 9,
};
int ExitCodeOf(const absl::Status& status);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_COMMAND_H_
