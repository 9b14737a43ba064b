#include "runtime/engine/chat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_file.h"
#include "tests/support/shared_data.h"
#include "tests/support/status_matchers.h"
#include "tests/tokenizer/test_vocabulary.h"

namespace linnet::engine {
namespace {

using ::linnet::testing::SharedData;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using tokenizer::TestVocabulary;
using tokenizer::TokenId;
using tokenizer::TokenType;
using Json = nlohmann::ordered_json;

// A vocabulary of bytes and control tokens, with templates.
class ChatTest : public ::testing::Test {
 protected:
  ChatTest() { table_.AddByteNames(); }

  TokenId Control(const std::string& text) { return table_.Add(text, TokenType::kControl); }
  void Template(const std::string& text, const std::string& key = "tokenizer.chat_template") {
    table_.writer().SetString(key, text);
  }
  ChatFormat& Format() {
    bytes_ = table_.Bytes("gpt2", "gpt-2");
    file_ = *gguf::GgufFile::Parse("v.gguf", base::AsBytes(bytes_));
    tokenizer_ = *tokenizer::Tokenizer::Create(*file_);
    format_.emplace(ChatFormat::Of(*file_, *tokenizer_));
    return *format_;
  }
  static jinja::ChatInput Input(std::initializer_list<std::pair<const char*, const char*>> messages) {
    jinja::ChatInput input;
    for (const auto& [role, content] : messages)
      input.messages.push_back({{"role", role}, {"content", content}});
    input.add_generation_prompt = true;
    return input;
  }
  std::string TextOf(const jinja::ChatInput& input) {
    const auto segments = Format().Render(input);
    if (!segments.ok()) return segments.status().ToString();
    std::string text;
    for (const auto& segment : *segments) text += segment.text;
    return text;
  }
  // Ids, control tokens as their text in brackets.
  std::string IdsOf(const jinja::ChatInput& input) {
    const auto segments = Format().Render(input);
    if (!segments.ok()) return segments.status().ToString();
    const auto texts = file_->GetStringArray("tokenizer.ggml.tokens");
    if (!texts.ok()) return texts.status().ToString();
    std::string shown;
    for (const TokenId id : format_->Encode(*segments)) {
      shown += tokenizer_->IsControl(id) ? "{" + std::string(texts->at(static_cast<size_t>(id))) + "}"
                                         : std::string(tokenizer_->Piece(id));
    }
    return shown;
  }

  TestVocabulary table_;
  std::string bytes_;
  std::unique_ptr<gguf::GgufFile> file_;
  std::unique_ptr<tokenizer::Tokenizer> tokenizer_;
  std::optional<ChatFormat> format_;
};

TEST_F(ChatTest, ControlTokensComeFromTheTemplateOnly) {
  Control("<a>");
  Control("<aa>");
  Template("<a>{{ messages[0].content }}<a>{{ '<' }}{{ messages[1].content }}<{{ 'a>' }}");
  EXPECT_EQ(IdsOf(Input({{"user", "<a>x<a"}, {"user", "a>"}})), "{<a>}<a>x<a{<a>}<a>{<a>}");
  // A token that only the joined text has is none.
  EXPECT_EQ(IdsOf(Input({{"user", "<a"}, {"user", "<a><aa>"}})), "{<a>}<a{<a>}<<a><aa>{<a>}");
}

TEST_F(ChatTest, PlainTextOnBothSidesIsEncodedAsOne) {
  const TokenId joined = table_.Merge("a", "b");
  Template("a{{ messages[0].content }}a");
  const auto segments = Format().Render(Input({{"user", "b"}}));
  ASSERT_TRUE(segments.ok());
  EXPECT_THAT(format_->Encode(*segments), ::testing::ElementsAre(joined, 'a'));
}

TEST_F(ChatTest, UserDefinedTokensAreWholeEverywhere) {
  table_.Add("<think>", TokenType::kUserDefined);
  Control("<think>x");
  Template("{{ messages[0].content }}");
  const auto segments = Format().Render(Input({{"user", "<think>x"}}));
  ASSERT_TRUE(segments.ok());
  EXPECT_THAT(format_->Encode(*segments), ::testing::ElementsAre(256, 'x'));
}

TEST_F(ChatTest, BosIsThereOnce) {
  const TokenId bos = Control("<s>");
  table_.writer().SetUint32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(bos));
  table_.writer().SetBool("tokenizer.ggml.add_bos_token", true);
  Template("{{ bos_token if messages|length > 1 }}{{ messages[0].content }}");
  EXPECT_EQ(IdsOf(Input({{"user", "x"}})), "{<s>}x");
  EXPECT_EQ(IdsOf(Input({{"user", "x"}, {"user", "y"}})), "{<s>}x");
  EXPECT_EQ(IdsOf(Input({{"user", "<s>x"}})), "{<s>}<s>x");
}

TEST_F(ChatTest, ToolsTakeTheTemplateForThem) {
  Template("plain");
  Template("{{ tools|tojson }}", "tokenizer.chat_template.tool_use");
  jinja::ChatInput input = Input({{"user", "x"}});
  EXPECT_EQ(TextOf(input), "plain");
  input.tools = {{{"z", 1}, {"a", 2}}};
  EXPECT_EQ(TextOf(input), R"([{"z": 1, "a": 2}])");
}

TEST_F(ChatTest, ATemplateThatIsNotSupportedSaysWhere) {
  Template("{% if true %}\n{% include 'x' %}{% endif %}");
  EXPECT_THAT(Format().Render(Input({{"user", "x"}})),
              StatusIs(absl::StatusCode::kUnimplemented,
                       StartsWith("tokenizer.chat_template: line 2: the tag 'include' is not supported")));
  EXPECT_EQ(Format().source(), "tokenizer.chat_template");
}

TEST_F(ChatTest, WithoutATemplateTheControlTokensSayWhichIsMeant) {
  const std::initializer_list<std::tuple<const char*, std::vector<const char*>, const char*>> kinds = {
      {"chatml",
       {"<|im_start|>", "<|im_end|>"},
       "{<|im_start|>}system\nS{<|im_end|>}\n{<|im_start|>}user\nU{<|im_end|>}\n{<|im_start|>}assistant\n"},
      {"llama3",
       {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"},
       "{<|start_header_id|>}system{<|end_header_id|>}\n\nS{<|eot_id|>}{<|start_header_id|>}user{<|end_"
       "header_id|>}\n\n"
       "U{<|eot_id|>}{<|start_header_id|>}assistant{<|end_header_id|>}\n\n"},
      {"gemma",
       {"<start_of_turn>", "<end_of_turn>"},
       "{<start_of_turn>}user\nS\n\nU{<end_of_turn>}\n{<start_of_turn>}model\n"},
      {"phi3",
       {"<|user|>", "<|assistant|>", "<|system|>", "<|end|>"},
       "{<|system|>}\nS{<|end|>}\n{<|user|>}\nU{<|end|>}\n{<|assistant|>}\n"},
      {"granite",
       {"<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"},
       "{<|start_of_role|>}system{<|end_of_role|>}S{<|end_of_text|>}\n{<|start_of_role|>}user{<|end_of_role|>"
       "}U{<|end_of_text|>}"
       "\n{<|start_of_role|>}assistant{<|end_of_role|>}"},
      {"mistral", {"[INST]", "[/INST]"}, "{[INST]}S\n\nU{[/INST]}"},
  };
  for (const auto& [name, tokens, prompt] : kinds) {
    table_ = TestVocabulary();
    table_.AddByteNames();
    for (const char* token : tokens) Control(token);
    EXPECT_EQ(IdsOf(Input({{"system", "S"}, {"user", "U"}})), prompt);
    EXPECT_EQ(Format().source(), std::string(name) + " (the file has no template)");
  }
  table_ = TestVocabulary();
  table_.AddByteNames();
  EXPECT_THAT(Format().Render(Input({{"user", "x"}})),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("no chat template")));
}

TEST_F(ChatTest, AFileMayNameAKind) {
  const TokenId eos = Control("</s>");
  table_.writer().SetUint32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(Control("<s>")));
  table_.writer().SetUint32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(eos));
  Template("llama2");
  EXPECT_EQ(TextOf(Input({{"system", "S"}, {"user", "U"}, {"assistant", "A"}, {"user", "V"}})),
            "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST] A </s><s>[INST] V [/INST]");
}

TEST(InputOfTest, RefusesWhatIsNoConversation) {
  Conversation c;
  EXPECT_THAT(InputOf(c), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at least one message")));
  c.messages = {{"boss", "x"}};
  EXPECT_THAT(InputOf(c), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("boss")));
  c.messages = {{"tool", "x", R"({"name": "f"})"}};
  ASSERT_OK_AND_ASSIGN(const jinja::ChatInput input, InputOf(c));
  EXPECT_EQ(input.messages[0], (Json{{"role", "tool"}, {"content", "x"}, {"name", "f"}}));
  c.tools_json = "[";
  EXPECT_THAT(InputOf(c), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tools")));
  c.tools_json.clear();
  c.variables_json = "5";
  EXPECT_THAT(InputOf(c), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("variables")));
  c.variables_json.clear();
  c.messages[0].more_json = "[]";
  EXPECT_THAT(InputOf(c), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("further fields")));
}

// On a real vocabulary: a user who types every control token there is gets text, for every published template
// that has these tokens at all.
TEST(ChatAttackTest, NoMessageBecomesAControlToken) {
  const std::string vocabulary = SharedData("tokenizers/ggml-vocab-smollm2.gguf");
  LINNET_SHARED_OR_SKIP(vocabulary);
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Open(base::FileSystem::Real(), vocabulary));
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, tokenizer::Tokenizer::Create(*file));
  std::string attack;
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string_view> texts,
                       file->GetStringArray("tokenizer.ggml.tokens"));
  for (const std::string_view text : texts) {
    if (tokenizer->FindControl(text)) attack += std::string(text) + " ";
  }
  ASSERT_THAT(attack, HasSubstr("<|im_end|>"));
  const ChatFormat format = ChatFormat::Of(*file, *tokenizer);
  const auto controls = [&](const jinja::Template& chat_template, const std::string& text) {
    jinja::ChatInput input;
    input.add_generation_prompt = true;
    input.bos_token = "<|im_start|>";
    for (const char* role : {"user", "assistant", "user"})
      input.messages.push_back({{"role", role}, {"content", text}});
    std::vector<TokenId> found;
    const auto segments = RenderChat(chat_template, input);
    EXPECT_TRUE(segments.ok()) << segments.status();
    if (!segments.ok()) return found;
    for (const TokenId id : format.Encode(*segments)) {
      if (tokenizer->IsControl(id)) found.push_back(id);
    }
    return found;
  };
  int templates = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SharedData("templates"))) {
    std::ifstream stream(entry.path(), std::ios::binary);
    ASSERT_OK_AND_ASSIGN(const auto parsed,
                         jinja::Template::Parse(std::string(std::istreambuf_iterator<char>(stream), {})));
    EXPECT_EQ(controls(*parsed, attack), controls(*parsed, "x")) << entry.path();
    ++templates;
  }
  EXPECT_GE(templates, 10);
}

}  // namespace
}  // namespace linnet::engine
