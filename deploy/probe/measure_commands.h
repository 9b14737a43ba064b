#ifndef LINNET_DEPLOY_PROBE_MEASURE_COMMANDS_H_
#define LINNET_DEPLOY_PROBE_MEASURE_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "runtime/tools/text_windows.h"

namespace linnet::probe {

// Commands that measure what a model says of a text, and how two model files differ.

struct PerplexityCommand {
  std::string file, text_file;
  tools::WindowOptions options;
  bool json = false;
  int Run() const;
};

struct DiffCommand {
  std::string a, b, text_file;
  tools::WindowOptions options;
  bool json = false;
  int Run() const;
};

struct MeasureCommands {
  PerplexityCommand perplexity;
  DiffCommand diff;
  // Adds them to `model`; the one that is chosen sets `run`.
  void Add(CLI::App* model, std::function<int()>& run);
};

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_MEASURE_COMMANDS_H_
