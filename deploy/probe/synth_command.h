#ifndef LINNET_DEPLOY_PROBE_SYNTH_COMMAND_H_
#define LINNET_DEPLOY_PROBE_SYNTH_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>

#include "runtime/tools/output_file.h"
#include "runtime/tools/synth.h"

namespace linnet::probe {

// A model of a known shape with random weights, for measuring.
struct SynthCommand {
  tools::OutputFile out;
  tools::SynthOptions options;
  bool list = false, verbose = false, json = false;
  int Run() const;
  // Adds it to `model`; when it is chosen it sets `run`.
  void Add(CLI::App* model, std::function<int()>& run);
};

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_SYNTH_COMMAND_H_
