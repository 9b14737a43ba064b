// `linnet`: the command line of operators and users.
#include <google/protobuf/stubs/logging.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "deploy/cli/command.h"
#include "runtime/base/log.h"
#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"
#include "runtime/net/grpc_end.h"

#ifndef LINNET_VERSION
#error "LINNET_VERSION comes from CMake"
#endif

int main(int argc, char** argv) {
  using linnet::cli::Context;
  const linnet::net::GrpcEnd grpc_end;
  // Names and questions travel as UTF-8: said here, where the argument is known.
  for (int i = 1; i < argc; ++i) {
    if (linnet::base::IsUtf8(argv[i])) continue;
    std::fprintf(stderr,
                 "linnet: argument %d is not UTF-8; type it again in a UTF-8 terminal (LANG=C.UTF-8)\n", i);
    return linnet::cli::kExitUsage;
  }
  // Errors are one line for people; logs only when asked for. What protobuf would print, we say ourselves.
  if (std::getenv("LINNET_LOG") == nullptr) linnet::base::SetLogSeverity(linnet::base::Severity::kError);
  google::protobuf::SetLogHandler(nullptr);
  Context context;
  CLI::App app("Linnet: small language models on the devices that own the data", "linnet");
  app.set_version_flag("--version", "linnet " LINNET_VERSION);
  app.add_flag("--json", context.json, "one JSON value on standard output, for programs");
  app.add_option("--passphrase-file", context.passphrase_file,
                 "first line opens the offline keys (or LINNET_PASSPHRASE)");
  app.add_option("--token-pin-file", context.token_pin_file,
                 "first line is the PIN of the tokens that offline keys lie on (or LINNET_TOKEN_PIN)");
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 bad data, 4 not supported, 5 not found,\n"
      "6 refused (signature, grant, passphrase, PIN), 7 not reachable or too late, 8 no room (disk, budget, "
      "queue),\n"
      "9 something expires soon (site expire-check).\n"
      "Environment: LINNET_SITE (--site), LINNET_DEVICE (--device), LINNET_HOME, LINNET_PASSPHRASE,\n"
      "LINNET_TOKEN_PIN, PKCS11_MODULE_PATH (the PKCS#11 module of tokens; else p11-kit's), LINNET_LOG.");
  linnet::cli::AddSiteCommands(app, context);
  linnet::cli::AddDeviceCommands(app, context);
  linnet::cli::AddModelCommands(app, context);
  linnet::cli::AddRolloutCommands(app, context);
  linnet::cli::AddAuditCommands(app, context);
  linnet::cli::AddAskCommands(app, context);
  linnet::cli::AddDataCommands(app, context);
  linnet::cli::AddPrivacyCommands(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help, version
    std::fprintf(stderr, "%s\n", linnet::cli::UsageLine(app, error).c_str());
    return linnet::cli::kExitUsage;
  }
  if (!context.result.ok()) {
    std::fflush(stdout);
    std::fprintf(stderr, "linnet: %s\n", linnet::base::Message(context.result).c_str());
  }
  return context.result.ok() ? context.exit_code : linnet::cli::ExitCodeOf(context.result);
}
