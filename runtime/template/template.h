#ifndef LINNET_RUNTIME_TEMPLATE_TEMPLATE_H_
#define LINNET_RUNTIME_TEMPLATE_TEMPLATE_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/template/limits.h"

namespace linnet::jinja {

struct Tree;

// A stretch of rendered text: written by the template (trusted), or taken from a message.
struct Segment {
  std::string text;
  bool trusted = false;
};

struct Variable {
  std::string name;
  nlohmann::ordered_json value;
  bool trusted = false;  // its texts count as the template's own: BOS and EOS, say
  // Of chat messages: a role that everybody knows is trusted, for templates that build "<|user|>" of it.
  bool messages = false;
};

struct RenderOptions {
  std::vector<Variable> variables;  // the last of a name counts; they hide globals
  WallClock now;
  Limits limits;
};

// A Jinja2 template, as transformers executes chat templates: trim_blocks, lstrip_blocks, loop controls, HF's
// generation blocks, an immutable sandbox. Immutable, so thread-safe.
class Template {
 public:
  // InvalidArgument, "line N: what", for what Jinja would not compile and for what is not supported (named).
  static absl::StatusOr<std::shared_ptr<const Template>> Parse(std::string_view source);
  ~Template();

  // Adjacent segments differ in trust; none is empty. InvalidArgument, "line N: what": the template fails, or
  // refuses ("the template says: ..."); ResourceExhausted: it goes beyond the limits.
  absl::StatusOr<std::vector<Segment>> Render(const RenderOptions& options) const;

 private:
  explicit Template(std::unique_ptr<Tree> tree);
  const std::unique_ptr<Tree> tree_;
};

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_TEMPLATE_H_
