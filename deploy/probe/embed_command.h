#ifndef LINNET_DEPLOY_PROBE_EMBED_COMMAND_H_
#define LINNET_DEPLOY_PROBE_EMBED_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/probe/pack_commands.h"

namespace linnet::probe {

// Texts as vectors, one line a text.
struct EmbedCommand {
  std::string file, text_file, pooling;
  std::vector<std::string> texts;
  int threads = 0;
  ModelFlags model_flags;
  bool no_normalize = false, json = false;
  int Run() const;
  // Adds it to `model`; when it is chosen, it sets `run`.
  void Add(CLI::App* model, std::function<int()>& run);

 private:
  absl::StatusOr<std::vector<std::string>> Texts() const;
};

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_EMBED_COMMAND_H_
