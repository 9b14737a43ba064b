#include "deploy/probe/pack_commands.h"

#include <cinttypes>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "deploy/probe/commands.h"
#include "deploy/probe/output.h"
#include "deploy/probe/progress.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/pack/local_pack.h"
#include "runtime/pack/pack_writer.h"
#include "runtime/pack/packed_file.h"
#include "runtime/tools/output_file.h"

namespace linnet::probe {
namespace {

int Done(const std::string& path, const pack::PackReport& report, bool json) {
  const std::string sha256 = base::Hex(report.source.sha256);
  if (json) {
    Print({{"path", path},
           {"bytes", report.bytes},
           {"tensors", report.tensors},
           {"tiled", report.tiled},
           {"gguf_bytes", report.source.size_bytes},
           {"gguf_sha256", sha256}});
  } else {
    std::printf("%s: %" PRIu64 " bytes, %" PRIu64 " of %" PRIu64 " tensors in tiles (GGUF of %" PRIu64
                " bytes, sha256 %s...)\n",
                path.c_str(), report.bytes, report.tiled, report.tensors, report.source.size_bytes,
                sha256.substr(0, 12).c_str());
  }
  return kOk;
}

// Progress of the bytes written.
std::function<void(uint64_t, uint64_t)> ProgressOf(ProgressBar& bar) {
  const tools::Progress listener = bar.Listener();
  if (listener == nullptr) return nullptr;
  return [listener](uint64_t done, uint64_t total) { listener(done, total, "packing"); };
}

// A pack of a pack would be a file that nobody can run.
absl::Status CheckInput(base::FileSystem& fs, const std::string& file) {
  LINNET_ASSIGN_OR_RETURN(const bool packed, pack::IsPacked(fs, file));
  if (!packed) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(file, ": is packed already; name a .gguf model file"));
}

}  // namespace

void ModelFlags::Add(CLI::App* app) {
  app->add_flag("--no-pack", no_pack, "run the GGUF itself, also where linnet model import has packed it");
  app->add_flag("--verify", verify, "check every byte of a packed file first; else a few places of it");
}

absl::StatusOr<std::string> ModelFlags::Resolve(const std::string& file) const {
  base::FileSystem& fs = base::FileSystem::Real();
  std::string path = file;
  if (!no_pack) {
    const pack::LocalPacks::Found found = pack::LocalPacks(fs, pack::LocalPacks::UserCache()).Find(file);
    for (const std::string& note : found.notes) std::fprintf(stderr, "linnet: note: %s\n", note.c_str());
    path = found.path;
  }
  if (verify) LINNET_RETURN_IF_ERROR(pack::VerifyIfPacked(fs, path));
  return path;
}

int PackCommand::Run() const {
  base::FileSystem& fs = base::FileSystem::Real();
  const std::string path = out.empty() ? pack::PackNameOf(file) : out;
  const auto fail = [this](const std::string& about, const absl::Status& status, Phase phase) {
    // Not a word but in the JSON: who runs us says it.
    if (quiet && std::freopen("/dev/null", "w", stderr) == nullptr) return static_cast<int>(kFailed);
    return Fail(about, status, phase, json);
  };
  if (const absl::Status status = CheckInput(fs, file); !status.ok()) {
    return fail(file, status, absl::IsFailedPrecondition(status) ? Phase::kRequest : Phase::kFile);
  }
  const absl::Status writable = tools::CheckOutput(fs, {.path = path, .replace = force}, {file});
  if (!writable.ok()) return fail("", writable, Phase::kRequest);
  ProgressBar bar;
  const auto report = pack::Pack(fs, file, path, {.replace = force, .progress = ProgressOf(bar)});
  bar.Clear();
  if (!report.ok()) {
    const bool of_output = base::Message(report.status()).starts_with(path + ":");
    return fail(of_output ? "" : file, report.status(), of_output ? Phase::kRequest : Phase::kFile);
  }
  return Done(path, *report, json);
}

int ImportCommand::Run() const {
  base::FileSystem& fs = base::FileSystem::Real();
  if (const absl::Status status = CheckInput(fs, file); !status.ok()) {
    return Fail(file, status, absl::IsFailedPrecondition(status) ? Phase::kRequest : Phase::kFile, json);
  }
  ProgressBar bar;
  const auto imported =
      state_dir.empty()
          ? pack::LocalPacks(fs, pack::LocalPacks::UserCache()).Import(file, ProgressOf(bar))
          : pack::LocalPacks(fs, pack::PacksOfState(state_dir)).ImportIntoCache(file, ProgressOf(bar));
  bar.Clear();
  if (!imported.ok()) return Fail(file, imported.status(), Phase::kFile, json);
  return Done(imported->path, imported->report, json);
}

void PackCommands::Add(CLI::App* model, std::function<int()>& run) {
  CLI::App* sub = model->add_subcommand("pack", "write the packed file that is signed and shipped");
  sub->add_option("file", pack.file, "GGUF file")->required();
  sub->add_option("out", pack.out, "file to write; default: FILE.linnet beside it");
  sub->add_flag("--force", pack.force, "replace it if it is there");
  sub->add_flag("--json", pack.json, "one JSON object on standard output");
  sub->add_flag("--quiet", pack.quiet, "nothing on standard error but progress: for programs, with --json");
  sub->footer(
      "The same GGUF gives the same bytes on every machine. Every command that takes a GGUF file takes a\n"
      "packed one, too.");
  sub->callback([this, &run] { run = [this] { return pack.Run(); }; });

  sub = model->add_subcommand("import", "pack a GGUF for this machine, so that it starts and runs faster");
  sub->add_option("file", import.file, "GGUF file")->required();
  sub->add_option("--state-dir", import.state_dir,
                  "state folder of an agent that runs FILE (linnet-agent --model): the pack goes there");
  sub->add_flag("--json", import.json, "one JSON object on standard output");
  sub->footer(
      "Writes FILE.pack beside the file, or where that may not be written below $XDG_CACHE_HOME/linnet\n"
      "(~/.cache/linnet). linnet model generate, logits, bench and embed run it instead of the GGUF as long\n"
      "as that stays as it is; --no-pack runs the GGUF. So does linnet-agent --model FILE, which also looks\n"
      "into its state folder.");
  sub->callback([this, &run] { run = [this] { return import.Run(); }; });
}

}  // namespace linnet::probe
