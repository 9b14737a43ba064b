// linnet model ...: sign and publish, push to a device, list; and the commands on files, which the gRPC-free
// linnet-probe runs.
#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/packed_model.h"
#include "deploy/cli/print.h"
#include "deploy/cli/probe_process.h"
#include "deploy/cli/publishing.h"
#include "deploy/cli/site_access.h"
#include "deploy/cli/table.h"
#include "deploy/cli/update_cost.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/chunks/chunk_store.h"
#include "storage/trust/site.h"

namespace linnet::cli {
namespace {

struct Options {
  PublishOptions publish;
  ChangeOptions change;
  std::string withdraw;
  std::string file, family, name, version = "1", license, device, as, suite;
  double suite_percent = 100;
  uint64_t release = 0;
};

constexpr double kPpmOfPercent = 10'000;

// Nothing is signed that its own suite does not pass here: each device would refuse it.
absl::Status CheckScore(const Options& o, const trust::ModelRelease& release, const SuiteScore& score) {
  const trust::SuiteRule rule{.sha256 = "", .least_ppm = release.suite_least_ppm};
  if (rule.Passes(score.passed, score.cases)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      o.file, ": not signed: ", score.passed, " of ", score.cases, " answers are what ", o.suite,
      " expects, and ", o.suite_percent, " % must be (--suite-percent); failed: ",
      absl::StrJoin(score.failed, ", "), score.failed.size() + score.passed < score.cases ? ", ..." : ""));
}

absl::Status PublishModel(const Context& context, const Options& o) {
  base::FileSystem& fs = base::FileSystem::Real();
  LINNET_RETURN_IF_ERROR(fs.Stat(o.file).status());
  trust::ModelRelease release{.family = o.family,
                              .name = o.name,
                              .version = o.version,
                              .license = o.license,
                              .release_counter = o.release};
  if (!o.suite.empty()) {
    LINNET_ASSIGN_OR_RETURN(release.suite_json, fs.ReadFile(o.suite, trust::kMaxSuiteBytes));
    release.suite_least_ppm = static_cast<uint32_t>(std::lround(o.suite_percent * kPpmOfPercent));
  }
  // What could be refused without it is, before a large model is packed.
  LINNET_RETURN_IF_ERROR(trust::CheckRelease(release));
  LINNET_ASSIGN_OR_RETURN(Publisher publisher, Publisher::Open(o.publish));
  LINNET_ASSIGN_OR_RETURN(const auto site, OpenSite(context, o.publish.site.site));
  LINNET_ASSIGN_OR_RETURN(const PackedModel model, PackedModel::Of(o.file, o.publish.site.site));
  // What no device could run, or is damaged, is not worth a signature; each device checks for itself again.
  const absl::StatusOr<SuiteScore> score = SelfCheck(model.path(), o.suite);
  if (!score.ok()) return model.Named(score.status());
  if (!o.suite.empty()) LINNET_RETURN_IF_ERROR(CheckScore(o, release, *score));
  LINNET_ASSIGN_OR_RETURN(chunks::ChunkIndex index, model.Index());
  if (model.made_here() && !context.json) {
    Print(absl::StrCat("packed ", o.file, ": ", HumanBytes(index.file_bytes), ", sha256 ",
                       base::Hex(index.file_sha256)));
  }
  release.file = model.path();
  release.index_json = index.ToJson();
  absl::StatusOr<trust::Publication> done = site->PublishModel(release, publisher.current());
  if (absl::IsAlreadyExists(done.status())) {
    LINNET_ASSIGN_OR_RETURN(index, model.IndexOfFixedSteps());
    release.index_json = index.ToJson();
    if (auto same = site->PublishModel(release, publisher.current()); same.ok()) done = std::move(same);
  }
  LINNET_ASSIGN_OR_RETURN(const trust::Publication publication, std::move(done));
  if (publication.targets.empty()) return absl::InternalError("nothing was signed");
  const trust::TargetInfo& target = publication.targets.front();
  MetadataMap roles = publication.metadata;
  roles.insert(publisher.current().begin(),
               publisher.current().end());  // of a release that was signed before
  const std::string& site_dir = o.publish.site.site;
  const std::optional<UpdateCost> cost = CostOfUpdate(fs, site_dir, roles[target.role], target, index);
  LINNET_RETURN_IF_ERROR(KeepIndex(fs, site_dir, release.index_json));
  std::vector<Upload> uploads = UploadsOf(publication);
  uploads.push_back(
      {.name = target.path, .sha256 = target.sha256, .path = model.path(), .size_bytes = target.length});
  LINNET_ASSIGN_OR_RETURN(const uint64_t snapshot, publisher.Publish(publication.metadata, uploads));
  if (context.json) {
    nlohmann::ordered_json out = {{"target", target.path},
                                  {"sha256", base::Hex(target.sha256)},
                                  {"bytes", target.length},
                                  {"packed", model.made_here()},
                                  {"snapshot_version", snapshot}};
    if (cost.has_value()) out["update"] = {{"from", cost->from}, {"bytes", cost->bytes}};
    if (!o.suite.empty()) {
      out["suite"] = {
          {"cases", score->cases}, {"passed", score->passed}, {"least_ppm", release.suite_least_ppm}};
    }
    Print(out.dump(2));
  } else {
    Print(absl::StrCat("signed and published ", target.path, "  (", HumanBytes(target.length), ", ",
                       index.chunks.size(), " chunks, sha256 ", base::Hex(target.sha256).substr(0, 12),
                       "...)"));
    if (cost.has_value()) Print(Shown(*cost));
    if (!o.suite.empty()) {
      Print(absl::StrCat("suite: ", score->passed, " of ", score->cases,
                         " answers as expected here; a device runs it where ", o.suite_percent, " % are"));
    }
  }
  return absl::OkStatus();
}

absl::Status WithdrawModel(const Context& context, const Options& o) {
  return RunChange(context, o.change, [&](trust::Site& site, const MetadataMap& current) {
    return site.Withdraw(o.withdraw, current);
  });
}

absl::Status PushModel(const Context&, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(o.file, error).string();
  LINNET_RETURN_IF_ERROR(base::FileSystem::Real().Stat(absolute).status());
  agent::v1::OfferModelRequest request;
  request.set_path(absolute);
  request.set_target_name(o.as);
  agent::v1::OfferModelResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(device.stub->OfferModel(CallContext(120).get(), request, &response), device.label));
  Print(absl::StrCat(device.label, " took ", response.target_name()));
  return absl::OkStatus();
}

absl::Status ListModels(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  agent::v1::ListModelsResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(device.stub->ListModels(CallContext(10).get(), {}, &response), device.label));
  if (context.json) {
    Print(ToJson(response));
    return absl::OkStatus();
  }
  Table table({"MODEL", "RELEASE", "SIZE", "LICENCE", "SHA-256", "STATE"});
  for (const agent::v1::Model& m : response.models()) {
    table.Add({m.name(), absl::StrCat(m.release_counter()), HumanBytes(m.size_bytes()), m.license(),
               base::Hex(m.sha256()).substr(0, 12),
               m.trial()      ? "on trial"
               : m.active()   ? "active"
               : m.previous() ? "previous"
                              : "-"});
  }
  Print(table.ToString());
  return absl::OkStatus();
}

}  // namespace

void AddModelCommands(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* group =
      app.add_subcommand("model", "sign and publish models; look into files")->require_subcommand(1);

  CLI::App* publish =
      group->add_subcommand("publish", "sign a model as a TUF target and give it to the coordinator");
  publish
      ->add_option("file", options->file,
                   "GGUF of a supported family, which is packed first; or a packed one")
      ->required();
  publish->add_option("--family", options->family, "a role of its own signs each family")->required();
  publish->add_option("--name", options->name, "of the model")->required();
  publish->add_option("--version", options->version, "of the model of this name (1)");
  publish->add_option("--release", options->release, "release counter; devices never go back (1)")
      ->check(CLI::PositiveNumber);
  publish->add_option("--license", options->license, "SPDX identifier")->required();
  publish->add_option(
      "--suite", options->suite,
      "questions with their answers (deploy/starter/suite.json is one): signed with the model, and "
      "asked on each device before it runs it");
  publish->add_option("--suite-percent", options->suite_percent, "of the answers that must be right (100)")
      ->check(CLI::Range(0.0001, 100.0));
  AddPublishOptions(publish, options->publish);
  Runs(publish, context, [&context, options] { return PublishModel(context, *options); });

  CLI::App* withdraw = group->add_subcommand(
      "withdraw", "take a model back: no device installs it from then on; those that run it go on");
  withdraw->add_option("name", options->withdraw, "its target, or the last part of it")->required();
  AddChangeOptions(withdraw, options->change);
  Runs(withdraw, context, [&context, options] { return WithdrawModel(context, *options); });

  CLI::App* push = group->add_subcommand(
      "push", "offer a file, or a bundle's folder, to a device; it takes only what is signed");
  push->add_option("file", options->file, "on the device's own disk")->required();
  push->add_option("--as", options->as, "target that it claims to be (default: found by its hash)");
  AddDeviceOption(push, options->device);
  Runs(push, context, [&context, options] { return PushModel(context, *options); });

  CLI::App* list = group->add_subcommand("list", "models on a device");
  AddDeviceOption(list, options->device);
  Runs(list, context, [&context, options] { return ListModels(context, *options); });

  static constexpr std::pair<const char*, const char*> kOnFiles[] = {
      {"inspect", "what is in a GGUF file"},
      {"tokenize", "a text as token ids"},
      {"generate", "continue a prompt"},
      {"logits", "logits after given tokens"},
      {"embed", "texts as vectors"},
      {"bench", "tokens per second, load, memory"},
      {"pack", "write the packed form of a model: what is signed, and runs fastest on every machine"},
      {"import", "keep a packed form of a model on this machine, for the commands here to run"},
      {"synth", "write a model of a known shape with random weights, for measuring"},
      {"quantize", "write a model with smaller weights"},
      {"imatrix", "measure which weights matter, over a text"},
      {"perplexity", "how surprising a text is to a model"},
      {"diff", "how two model files differ"},
      {"merge-lora", "write a model with an adapter's changes in its weights"},
      {"prune", "write a model without some of its layers, channels or tokens"},
      {"template", "a conversation as the model's chat template writes it"},
      {"selfcheck", "load, round-trip, generate: is this file sound?"}};
  for (const auto& [name, help] : kOnFiles) {
    CLI::App* command =
        group->add_subcommand(name, absl::StrCat(help, " (options: linnet model ", name, " --help)"));
    command->prefix_command();
    command->fallthrough(false);  // else the file's name is looked at as a word of `linnet`
    command->set_help_flag();     // linnet-probe has the real one
    const std::string word = name;
    Runs(command, context, [&context, command, word] {
      std::vector<std::string> words = command->remaining();
      words.insert(words.begin(), word);
      if (context.json) words.emplace_back("--json");
      return BecomeProbe(std::move(words));
    });
  }
}

}  // namespace linnet::cli
