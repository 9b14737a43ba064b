#ifndef LINNET_RUNTIME_ENGINE_CHAT_H_
#define LINNET_RUNTIME_ENGINE_CHAT_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/engine/engine.h"
#include "runtime/gguf/model_file.h"
#include "runtime/template/chat_prompt.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::engine {

// How a model's file wants conversations written: its own templates, or a named one where it has none.
// Thread-safe.
class ChatFormat {
 public:
  // Never fails: what is wrong with the file's templates is said by Render. `tokenizer` must outlive this.
  static ChatFormat Of(const gguf::ModelFile& file, const tokenizer::Tokenizer& tokenizer);

  // Where the template comes from: "tokenizer.chat_template", or "chatml (the file has no template)".
  const std::string& source() const { return source_; }

  // The prompt as text, with tools by the template `tool_use` where the file has that. BOS and EOS that are
  // not given are the file's. Unimplemented: the file's template is not supported, or there is none and the
  // vocabulary's control tokens are those of no known kind. Otherwise the errors of jinja::RenderChat.
  absl::StatusOr<std::vector<jinja::Segment>> Render(jinja::ChatInput input) const;

  // The prompt's ids: control tokens come from trusted segments only; BOS where the file asks for one and the
  // template wrote none.
  std::vector<tokenizer::TokenId> Encode(const std::vector<jinja::Segment>& segments) const;

 private:
  using Template = std::shared_ptr<const jinja::Template>;

  explicit ChatFormat(const tokenizer::Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  const tokenizer::Tokenizer* tokenizer_;
  std::string source_;
  absl::StatusOr<Template> main_ = absl::UnimplementedError("");
  absl::StatusOr<Template> tool_use_ = Template();  // null: none of its own
  std::optional<std::string> bos_, eos_;
};

// The conversation as a template takes it, now. InvalidArgument: no messages, an unknown role, JSON that is
// none.
absl::StatusOr<jinja::ChatInput> InputOf(const Conversation& conversation);

// The template of a kind that is known by name ("chatml", "llama3", ...); empty when it is not.
std::string_view NamedTemplate(std::string_view name);
// The kind whose control tokens the vocabulary has; empty when it is none.
std::string_view KindOf(const tokenizer::Tokenizer& tokenizer);

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_CHAT_H_
