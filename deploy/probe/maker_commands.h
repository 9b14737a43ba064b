#ifndef LINNET_DEPLOY_PROBE_MAKER_COMMANDS_H_
#define LINNET_DEPLOY_PROBE_MAKER_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "runtime/tools/imatrix.h"
#include "runtime/tools/merge_lora.h"
#include "runtime/tools/output_file.h"
#include "runtime/tools/prune.h"
#include "runtime/tools/quantize.h"

namespace linnet::probe {

// Commands that make a new file from a model. Each writes it whole or not at all, never over its input.

struct QuantizeCommand {
  std::string in;
  tools::OutputFile out;
  tools::QuantizeOptions options;
  std::vector<std::string> tensor_types;  // "PATTERN=TYPE"
  bool verbose = false, json = false;
  int Run();
};

struct ImatrixCommand {
  std::string in, text_file;
  tools::OutputFile out;
  tools::ImatrixOptions options;
  bool json = false;
  int Run() const;
};

struct PruneCommand {
  std::string in, text_file, corpus_file;
  tools::OutputFile out;
  tools::PruneOptions options;
  bool json = false;
  int Run();
};

struct MergeLoraCommand {
  std::string in, adapter;
  tools::OutputFile out;
  float scale = 1.0F;
  bool json = false;
  int Run() const;
};

struct MakerCommands {
  QuantizeCommand quantize;
  ImatrixCommand imatrix;
  PruneCommand prune;
  MergeLoraCommand merge_lora;
  // Adds them to `model`; the one that is chosen sets `run`.
  void Add(CLI::App* model, std::function<int()>& run);
};

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_MAKER_COMMANDS_H_
