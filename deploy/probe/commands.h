#ifndef LINNET_DEPLOY_PROBE_COMMANDS_H_
#define LINNET_DEPLOY_PROBE_COMMANDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "deploy/probe/pack_commands.h"
#include "deploy/probe/sampling_flags.h"
#include "runtime/kernels/types.h"
#include "runtime/tools/self_check.h"

namespace linnet::probe {

// Exit codes, the same for every command and a part of those of `linnet`.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,       // it went wrong while running
  kUsage = 2,        // the command line, or a value on it
  kBadFile = 3,      // a file is unreadable or damaged
  kUnsupported = 4,  // a fine file of a kind that this version cannot run
  kNotFound = 5,     // a file is missing
  kNoRoom = 8,       // on the disk or in memory, or a limit that bounds the work
};

struct InspectCommand {
  std::string file;
  bool tensors = false, stats = false, json = false;
  int Run() const;
};

struct TokenizeCommand {
  std::string file, text, text_file;
  bool no_special = false, parse_special = false, json = false;
  int Run() const;
};

struct GenerateCommand {
  std::string file, prompt, prompt_file, system;
  std::string lora;         // "FILE" or "FILE=SCALE"
  uint32_t max_tokens = 0;  // 0: 256, less if the context ends before
  uint32_t context_tokens = 0;
  int threads = 0;
  std::optional<kernels::KvType> kv;
  SamplingFlags sampling;
  std::string context_shift;  // "keep=N", "keep=all"; empty: none
  std::string prefix_cache;   // folder; empty: none
  std::vector<std::string> stop;
  ModelFlags model;
  bool chat = false, parse_special = false, no_speculation = false, json = false;
  int Run() const;
};

struct LogitsCommand {
  std::string file, out, tokens;  // "1,2,3"
  int threads = 0;
  ModelFlags model;
  std::optional<kernels::KvType> kv;
  bool json = false;
  int Run() const;
};

struct SelfCheckCommand {
  std::string file, suite;
  tools::SelfCheckOptions options;
  bool json = false;
  int Run() const;
};

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_COMMANDS_H_
