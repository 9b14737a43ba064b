#include "deploy/probe/synth_command.h"

#include <cinttypes>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "deploy/probe/commands.h"
#include "deploy/probe/output.h"
#include "deploy/probe/progress.h"
#include "runtime/base/file_system.h"
#include "runtime/tools/known_shapes.h"
#include "runtime/tools/quantize_rule.h"

namespace linnet::probe {
namespace {

int List(bool as_json) {
  nlohmann::json shapes = nlohmann::json::array();
  if (!as_json) {
    std::printf("%-14s %-7s %6s %6s %6s %6s %9s %9s %11s\n", "shape", "family", "layers", "dim", "ffn",
                "heads", "kv heads", "head dim", "vocabulary");
  }
  for (const tools::KnownShape& shape : tools::KnownShapes()) {
    if (!as_json) {
      std::printf("%-14s %-7s %6u %6u %6u %6u %9u %9u %11u\n", std::string(shape.name).c_str(),
                  std::string(shape.architecture).c_str(), shape.layers, shape.dim, shape.ffn, shape.heads,
                  shape.kv_heads, shape.head_dim, shape.vocabulary);
      continue;
    }
    shapes.push_back({{"name", shape.name},
                      {"architecture", shape.architecture},
                      {"layers", shape.layers},
                      {"dim", shape.dim},
                      {"ffn", shape.ffn},
                      {"heads", shape.heads},
                      {"kv_heads", shape.kv_heads},
                      {"head_dim", shape.head_dim},
                      {"vocabulary", shape.vocabulary},
                      {"context_tokens", shape.context_tokens}});
  }
  if (as_json) Print({{"shapes", shapes}, {"types", tools::QuantizeRule::Kinds()}});
  return kOk;
}

}  // namespace

int SynthCommand::Run() const {
  if (list) return List(json);
  for (const auto& [value, name] : {std::pair(&options.shape, "SHAPE (see --list)"),
                                    std::pair(&options.type, "--type"), std::pair(&out.path, "OUT")}) {
    if (value->empty() && !(options.dry_run && value == &out.path)) {
      return Fail("", absl::InvalidArgumentError(absl::StrCat(name, " is required; see --help")),
                  Phase::kRequest, json);
    }
  }
  ProgressBar bar;
  const auto result = tools::Synth(base::FileSystem::Real(), out, options, bar.Listener());
  bar.Clear();
  if (!result.ok()) return Fail("", result.status(), Phase::kRequest, json);
  std::map<std::string, uint64_t> bytes_by_type;
  nlohmann::json tensors = nlohmann::json::array();
  for (const tools::SynthTensor& tensor : result->tensors) {
    bytes_by_type[std::string(tensor.type)] += tensor.bytes;
    if (json) {
      tensors.push_back(
          {{"name", tensor.name}, {"shape", tensor.shape}, {"type", tensor.type}, {"bytes", tensor.bytes}});
    } else if (verbose) {
      std::printf("%-34s %-6s [%s]\n", tensor.name.c_str(), std::string(tensor.type).c_str(),
                  absl::StrJoin(tensor.shape, ", ").c_str());
    }
  }
  if (json) {
    Print({{"out", out.path},
           {"dry_run", options.dry_run},
           {"shape", result->shape},
           {"type", result->kind},
           {"seed", options.seed},
           {"parameters", result->parameters},
           {"bytes", result->bytes},
           {"tensors", tensors}});
    return kOk;
  }
  std::string types;
  for (const auto& [type, bytes] : bytes_by_type) {
    absl::StrAppend(&types, types.empty() ? "" : ", ", type, " ", (bytes + (1 << 19)) >> 20, " MiB");
  }
  std::printf("%s: %s, %s, %" PRIu64 " parameters, %" PRIu64 " bytes (%s)\n",
              options.dry_run ? "would write" : out.path.c_str(), std::string(result->shape).c_str(),
              std::string(result->kind).c_str(), result->parameters, result->bytes, types.c_str());
  return kOk;
}

void SynthCommand::Add(CLI::App* model, std::function<int()>& run) {
  CLI::App* sub = model->add_subcommand("synth", "writes a model of a known shape with random weights");
  sub->add_option("shape", options.shape, "see --list");
  sub->add_option("out", out.path, "file to write");
  sub->add_option("--type", options.type, absl::StrJoin(tools::QuantizeRule::Kinds(), ", "));
  sub->add_option("--seed", options.seed, "the same seed gives the same file")->capture_default_str();
  sub->add_option("--layers", options.layers, "so many; 0: the shape's");
  sub->add_option("--vocabulary", options.vocabulary, "so many tokens; 0: the shape's");
  sub->add_flag("--dry-run", options.dry_run, "only say what would be made");
  sub->add_flag("--verbose", verbose, "every tensor");
  sub->add_flag("--force", out.replace, "replace the output file when it is there");
  sub->add_flag("--list", list, "the shapes there are");
  sub->add_flag("--json", json, "one JSON object on standard output");
  sub->add_option("--threads", options.threads, "0: choose")->check(CLI::Range(0, 64));
  sub->footer(
      "For measuring where the real file is not at hand: shape, vocabulary size and the type of every\n"
      "tensor are the real ones, so work and bytes are the same; the text has no meaning.");
  sub->callback([this, &run] { run = [this] { return Run(); }; });
}

}  // namespace linnet::probe
