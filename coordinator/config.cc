#include "coordinator/config.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "runtime/base/utf8.h"

namespace linnet::coordinator {

CommandLine ParseCommandLine(int argc, char** argv) {
  CommandLine line;
  CoordinatorConfig& config = line.config;
  config.version = LINNET_VERSION;
  CLI::App app(
      "linnet-coordinator: enrols devices, carries signed models and plans to them, counts what they "
      "report.\n"
      "It cannot install anything by itself: devices check every signature.");
  app.set_version_flag("--version", "linnet-coordinator " LINNET_VERSION);
  app.set_config("--config", "",
                 "TOML file with these options, e.g. state-dir = \"/var/lib/linnet-coordinator\"");
  app.allow_config_extras(false);
  app.add_option("--site-dir", config.site_dir, "the folder \"coordinator\" that `linnet site init` made")
      ->envname("LINNET_COORDINATOR_SITE_DIR")
      ->required();
  app.add_option("--state-dir", config.state_dir, "where devices, tokens, rollouts and models are kept")
      ->envname("LINNET_COORDINATOR_STATE_DIR")
      ->required();
  app.add_option("--listen", config.listen, "address for devices, HOST:PORT; port 0: any")
      ->capture_default_str()
      ->envname("LINNET_COORDINATOR_LISTEN");
  app.add_option("--admin", config.admin, "address for operators")
      ->capture_default_str()
      ->envname("LINNET_COORDINATOR_ADMIN");
  app.add_option("--advertise", config.advertise,
                 "HOST:PORT that tokens name (default: the address listened on)")
      ->envname("LINNET_COORDINATOR_ADVERTISE");
  app.add_option("--check-in-seconds", config.check_in_seconds, "how often devices ask")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400))
      ->envname("LINNET_COORDINATOR_CHECK_IN_SECONDS");
  app.add_option("--max-devices", config.max_devices, "connections of devices at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000))
      ->envname("LINNET_COORDINATOR_MAX_DEVICES");
  app.add_option("--ready-file", line.ready_file, "written once both addresses serve: fleet=..., admin=...")
      ->envname("LINNET_COORDINATOR_READY_FILE");
  app.add_flag("--reflection", config.reflection, "serve gRPC reflection (for debugging)");
  app.footer(
      "Exit codes: 0 ended by SIGTERM or SIGINT, 1 could not start (one line says why), 2 wrong options.\n"
      "Logs: JSON lines on standard error; LINNET_LOG=debug|info|warning|error.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      line.exit_code = app.exit(error);  // help, version
    } else {
      const CLI::Option* file = app.get_config_ptr();
      const bool of_file = dynamic_cast<const CLI::ConfigError*>(&error) != nullptr;
      std::fprintf(stderr, "linnet-coordinator: %s%s; see linnet-coordinator --help\n",
                   of_file ? (file->as<std::string>() + ": ").c_str() : "",
                   base::OneLine(error.what(), 300).c_str());
      line.exit_code = 2;
    }
  }
  return line;
}

}  // namespace linnet::coordinator
