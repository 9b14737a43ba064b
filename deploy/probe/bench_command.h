#ifndef LINNET_DEPLOY_PROBE_BENCH_COMMAND_H_
#define LINNET_DEPLOY_PROBE_BENCH_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "deploy/probe/pack_commands.h"
#include "runtime/tools/bench.h"

namespace linnet::probe {

// How fast a model is on this machine, beside what the machine could do, and beside another measurement.
struct BenchCommand {
  std::string file;
  std::string compare;  // what an earlier `bench --json` printed; empty: none
  tools::BenchOptions options;
  ModelFlags model_flags;
  bool roofline = false, json = false;
  int Run() const;
  // Adds it to `model`; when it is chosen it sets `run`.
  void Add(CLI::App* model, std::function<int()>& run);
};

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_BENCH_COMMAND_H_
