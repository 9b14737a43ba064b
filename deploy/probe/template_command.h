#ifndef LINNET_DEPLOY_PROBE_TEMPLATE_COMMAND_H_
#define LINNET_DEPLOY_PROBE_TEMPLATE_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace linnet::probe {

// Prints the prompt of a conversation as the chat template writes it, byte for byte, without a line break.
struct TemplateCommand {
  std::string file, template_file;  // one of them
  std::string messages, tools;      // files of JSON; "-": standard input
  std::string now;
  std::optional<std::string> bos, eos;
  std::vector<std::string> variables;  // "NAME=JSON"
  bool add_generation_prompt = false, json = false;

  // Adds it to `model`; when it is chosen it sets `run`.
  void Add(CLI::App* model, std::function<int()>& run);
  int Run() const;
};

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_TEMPLATE_COMMAND_H_
