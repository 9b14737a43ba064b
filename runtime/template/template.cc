#include "runtime/template/template.h"

#include "runtime/base/status_macros.h"
#include "runtime/template/from_json.h"
#include "runtime/template/interpreter.h"
#include "runtime/template/parser.h"
#include "runtime/template/runtime.h"

namespace linnet::jinja {

Template::Template(std::unique_ptr<Tree> tree) : tree_(std::move(tree)) {}
Template::~Template() = default;

absl::StatusOr<std::shared_ptr<const Template>> Template::Parse(std::string_view source) {
  LINNET_ASSIGN_OR_RETURN(std::unique_ptr<Tree> tree, Parser::Parse(source));
  return std::shared_ptr<const Template>(new Template(std::move(tree)));
}

absl::StatusOr<std::vector<Segment>> Template::Render(const RenderOptions& options) const {
  Runtime rt(options.limits, options.now);
  Interpreter interpreter(*tree_, rt);
  for (const Variable& variable : options.variables) {
    interpreter.SetVariable(variable.name, variable.messages
                                               ? MessagesFromJson(rt, variable.value)
                                               : FromJson(rt, variable.value, variable.trusted));
  }
  LINNET_ASSIGN_OR_RETURN(const Text text, interpreter.Run());
  std::vector<Segment> segments;
  size_t begin = 0;
  for (const Text::Run& run : text.runs()) {
    segments.push_back({std::string(text.view().substr(begin, run.end - begin)), run.trusted});
    begin = run.end;
  }
  return segments;
}

}  // namespace linnet::jinja
