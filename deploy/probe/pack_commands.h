#ifndef LINNET_DEPLOY_PROBE_PACK_COMMANDS_H_
#define LINNET_DEPLOY_PROBE_PACK_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace linnet::probe {

// Which form of a model a command runs: the file that was named, or this machine's pack of it.
struct ModelFlags {
  bool no_pack = false, verify = false;
  void Add(CLI::App* app);
  // The file to load. What is passed over is said on standard error. Errors: those of VerifyPacked.
  absl::StatusOr<std::string> Resolve(const std::string& file) const;
};

// The file that is signed and shipped: the same bytes on every machine.
struct PackCommand {
  std::string file, out;  // empty: beside it
  bool force = false, json = false, quiet = false;
  int Run() const;
};

// This machine's own pack of a file, which the other commands then run.
struct ImportCommand {
  std::string file;
  std::string state_dir;  // an agent's; empty: for the commands here
  bool json = false;
  int Run() const;
};

struct PackCommands {
  PackCommand pack;
  ImportCommand import;
  // Adds them to `model`; the one that is chosen sets `run`.
  void Add(CLI::App* model, std::function<int()>& run);
};

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_PACK_COMMANDS_H_
