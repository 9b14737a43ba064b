#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <string>

#include "deploy/probe/bench_command.h"
#include "deploy/probe/commands.h"
#include "deploy/probe/embed_command.h"
#include "deploy/probe/kv_flag.h"
#include "deploy/probe/maker_commands.h"
#include "deploy/probe/measure_commands.h"
#include "deploy/probe/pack_commands.h"
#include "deploy/probe/synth_command.h"
#include "deploy/probe/template_command.h"
#include "runtime/base/utf8.h"

// linnet-probe: loads, runs and measures a model file, without gRPC. `linnet model ...` runs it.
namespace linnet::probe {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 failed while running, 2 wrong usage, 3 damaged file, 4 unsupported file, 5 "
    "missing file, 8 no room.\n"
    "LINNET_KERNEL=NAME forces a kernel set.";

// Adds a subcommand that works on FILE and sets `run` when it is chosen.
template <typename Command>
CLI::App* Add(CLI::App* parent, const char* name, const char* what, Command& command,
              std::function<int()>& run) {
  CLI::App* app = parent->add_subcommand(name, what);
  app->add_option("file", command.file, "model file: GGUF, or packed")->required();
  app->add_flag("--json", command.json, "one JSON object on standard output");
  app->callback([&command, &run] { run = [&command] { return command.Run(); }; });
  return app;
}

int Main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (base::IsUtf8(argv[i])) continue;
    std::fprintf(stderr,
                 "linnet: argument %d is not UTF-8; type it again in a UTF-8 terminal (LANG=C.UTF-8)\n", i);
    return kUsage;
  }
  CLI::App app("Loads, runs and measures a model file.", "linnet-probe");
  app.require_subcommand(1);
  app.footer(kExitCodes);
  CLI::App* model = app.add_subcommand("model", "commands on a model file; no daemon is needed");
  model->require_subcommand(1);
  std::function<int()> run;

  InspectCommand inspect;
  CLI::App* sub = Add(model, "inspect", "what the file says of itself", inspect, run);
  sub->add_flag("--tensors", inspect.tensors,
                "every tensor with its place and size, and the totals of each type");
  sub->add_flag("--stats", inspect.stats, "of every tensor also the range and the root of the mean square");

  TokenizeCommand tokenize;
  sub = Add(model, "tokenize", "a text's token ids, separated by spaces", tokenize, run);
  CLI::Option* text = sub->add_option("--text", tokenize.text, "the text");
  CLI::Option* text_file =
      sub->add_option("--text-file", tokenize.text_file, "file that holds the text")->excludes(text);
  sub->add_flag("--no-special", tokenize.no_special, "without BOS and EOS");
  sub->add_flag("--parse-special", tokenize.parse_special,
                "control tokens written in the text count as such");
  sub->callback([&] {
    if (text->count() + text_file->count() == 0) throw CLI::RequiredError("--text or --text-file");
    run = [&tokenize] { return tokenize.Run(); };
  });

  GenerateCommand generate;
  sub = Add(model, "generate", "continues a prompt", generate, run);
  CLI::Option* prompt = sub->add_option("--prompt", generate.prompt, "the prompt");
  CLI::Option* prompt_file =
      sub->add_option("--prompt-file", generate.prompt_file, "file that holds the prompt")->excludes(prompt);
  sub->add_option("--max-tokens", generate.max_tokens,
                  "at most so many; else 256, or what the context has room for")
      ->check(CLI::Range(1u, 1u << 30));
  sub->add_option("--lora", generate.lora, "adapter to apply: FILE or FILE=SCALE");
  sub->add_option("--stop", generate.stop, "text ends before this; may be repeated")->allow_extra_args(false);
  sub->add_flag("--chat", generate.chat, "the prompt is a user's turn");
  sub->add_option("--system", generate.system, "system message, with --chat");
  sub->add_flag("--parse-special", generate.parse_special,
                "control tokens written in the prompt count as such");
  sub->add_option("--threads", generate.threads, "0: choose")->check(CLI::Range(0, 64));
  AddKvFlag(sub, generate.kv);
  sub->add_flag("--no-speculation", generate.no_speculation,
                "one token at a time; else guesses from the text so far are evaluated along, which changes "
                "nothing but the time");
  sub->add_option("--context", generate.context_tokens, "tokens; 0: the model's, at most 4096");
  sub->add_option(
      "--context-shift", generate.context_shift,
      "keep=N or keep=all: when the context is full, forget the older half of what follows the first N "
      "tokens (the prompt) and go on; without it the answer ends there");
  sub->add_option(
      "--prefix-cache", generate.prefix_cache,
      "folder (of your own: it holds what prompts hold) where keys and values of prompts are kept, "
      "at most 64 MiB; what a prompt shares with an earlier one is then not evaluated again");
  generate.sampling.Add(sub);
  generate.model.Add(sub);
  sub->callback([&] {
    if (prompt->count() + prompt_file->count() == 0) throw CLI::RequiredError("--prompt or --prompt-file");
    run = [&generate] { return generate.Run(); };
  });

  LogitsCommand logits;
  sub = Add(model, "logits", "the last position's logits, as little-endian float32", logits, run);
  sub->add_option("--tokens", logits.tokens, "ids, separated by commas")->required();
  sub->add_option("--out", logits.out, "file to write")->required();
  logits.model.Add(sub);
  sub->add_option("--threads", logits.threads, "0: choose")->check(CLI::Range(0, 64));
  AddKvFlag(sub, logits.kv);

  BenchCommand bench;
  bench.Add(model, run);

  SelfCheckCommand check;
  sub = Add(model, "selfcheck", "whether the file works on this machine", check, run);
  sub->add_option("--suite", check.suite, "file of questions to ask, too (runtime/tools/eval_suite.h)");
  sub->add_option("--generate", check.options.generate_tokens)
      ->capture_default_str()
      ->check(CLI::Range(2u, 4096u));
  sub->add_option("--threads", check.options.threads, "0: choose")->check(CLI::Range(0, 64));
  sub->add_option("--context", check.options.context_tokens, "tokens; 0: the model's, at most 4096");

  EmbedCommand embed;
  embed.Add(model, run);

  MakerCommands makers;
  makers.Add(model, run);
  SynthCommand synth;
  synth.Add(model, run);
  MeasureCommands measures;
  measures.Add(model, run);

  PackCommands packs;
  packs.Add(model, run);

  TemplateCommand chat_template;
  chat_template.Add(model, run);

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "linnet: %s; see --help\n", base::OneLine(error.what(), 300).c_str());
    return kUsage;
  }
  return run();
}

}  // namespace
}  // namespace linnet::probe

int main(int argc, char** argv) { return linnet::probe::Main(argc, argv); }
