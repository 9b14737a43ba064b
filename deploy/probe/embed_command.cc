#include "deploy/probe/embed_command.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "deploy/probe/commands.h"
#include "deploy/probe/output.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/base/thread_pool.h"
#include "runtime/base/utf8.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/embedder.h"
#include "runtime/pack/packed_file.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::probe {
namespace {

constexpr uint64_t kMaxTextBytes = 64u << 20;

void PrintLine(const std::vector<float>& values, size_t from, size_t dim) {
  for (size_t i = 0; i < dim; ++i)
    std::printf(i == 0 ? "%.9g" : " %.9g", static_cast<double>(values[from + i]));
  std::printf("\n");
}

nlohmann::json ToJson(const std::vector<float>& values, size_t dim, bool one) {
  if (one) return values;
  nlohmann::json vectors = nlohmann::json::array();
  for (auto at = values.begin(); at != values.end(); at += static_cast<ptrdiff_t>(dim)) {
    vectors.push_back(std::vector<float>(at, at + static_cast<ptrdiff_t>(dim)));
  }
  return vectors;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> EmbedCommand::Texts() const {
  if (text_file.empty()) return texts;
  LINNET_ASSIGN_OR_RETURN(std::string content, base::FileSystem::Real().ReadFile(text_file, kMaxTextBytes));
  if (!base::IsUtf8(content)) {
    return absl::InvalidArgumentError(
        absl::StrCat(text_file, ": the text is not UTF-8; convert it (iconv -t UTF-8)"));
  }
  if (content.ends_with('\n')) content.pop_back();
  std::vector<std::string> lines = absl::StrSplit(content, '\n');
  for (std::string& line : lines) {
    if (line.ends_with('\r')) line.pop_back();
  }
  return lines;
}

int EmbedCommand::Run() const {
  const auto lines = Texts();
  if (!lines.ok()) return Fail(text_file, lines.status(), Phase::kFile, json);
  const auto path = model_flags.Resolve(file);
  if (!path.ok()) return Fail(file, path.status(), Phase::kFile, json);
  const auto gguf = pack::OpenModel(base::FileSystem::Real(), *path);
  if (!gguf.ok()) return Fail(file, gguf.status(), Phase::kFile, json);
  const auto tokenizer = tokenizer::Tokenizer::Create(**gguf);
  if (!tokenizer.ok()) return Fail(file, tokenizer.status(), Phase::kFile, json);
  std::string error;
  const kernels::Variant* kernels = kernels::SelectFromEnvironment(&error);
  if (kernels == nullptr) return Fail(file, absl::FailedPreconditionError(error), Phase::kRequest, json);
  base::ThreadPool pool(threads > 0 ? threads : std::min(4, base::PhysicalCores()));
  const auto embedder = model::Embedder::Create(**gguf, kernels->ops, pool);
  if (!embedder.ok()) return Fail(file, embedder.status(), Phase::kFile, json);

  const model::Pooling chosen = pooling.empty() ? (*embedder)->pooling() : *model::ParsePooling(pooling);
  const bool one = chosen != model::Pooling::kNone;
  const size_t dim = (*embedder)->dim();
  nlohmann::json embeddings = nlohmann::json::array(), tokens = nlohmann::json::array();
  for (size_t i = 0; i < lines->size(); ++i) {
    const auto ids = (*tokenizer)->Encode((*lines)[i], {.add_special = true, .parse_special = false});
    const auto vectors = (*embedder)->Embed(ids, chosen, !no_normalize);
    if (!vectors.ok()) {
      return Fail(file,
                  absl::Status(vectors.status().code(),
                               absl::StrCat("text ", i + 1, ": ", base::Message(vectors.status()))),
                  Phase::kRequest, json);
    }
    if (json) {
      embeddings.push_back(ToJson(*vectors, dim, one));
      tokens.push_back(ids.size());
    } else {
      for (size_t from = 0; from < vectors->size(); from += dim) PrintLine(*vectors, from, dim);
    }
  }
  if (json) {
    Print({{"dim", dim},
           {"pooling", model::PoolingName(chosen)},
           {"normalized", !no_normalize},
           {"tokens", tokens},
           {"embeddings", embeddings}});
  }
  return kOk;
}

void EmbedCommand::Add(CLI::App* model, std::function<int()>& run) {
  CLI::App* app = model->add_subcommand("embed", "texts as vectors, a line each");
  app->add_option("file", file, "model file, GGUF or packed: bert, nomic-bert, or a decoder")->required();
  CLI::Option* text = app->add_option("--text", texts, "a text; may be repeated")->allow_extra_args(false);
  CLI::Option* lines =
      app->add_option("--text-file", text_file, "file that holds a text a line")->excludes(text);
  app->add_option(
         "--pooling", pooling,
         "how tokens become a text: mean, cls, last, or none (a line a token); default: as the file says, "
         "else an encoder's mean, a decoder's last")
      ->check(CLI::IsMember({"none", "mean", "cls", "last"}));
  app->add_flag("--no-normalize", no_normalize, "leave vectors as long as they are");
  model_flags.Add(app);
  app->add_option("--threads", threads, "0: choose")->check(CLI::Range(0, 64));
  app->add_flag("--json", json, "one JSON object on standard output");
  app->callback([this, text, lines, &run] {
    if (text->count() + lines->count() == 0) throw CLI::RequiredError("--text or --text-file");
    run = [this] { return Run(); };
  });
}

}  // namespace linnet::probe
