// Real vocabularies against ids that llama.cpp made; skipped by name where the shared data is absent.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <sstream>

#include "runtime/gguf/gguf_file.h"
#include "runtime/tokenizer/tokenizer.h"
#include "tests/support/shared_data.h"
#include "tests/support/status_matchers.h"
#include "tests/tokenizer/packed_tokenizer.h"

namespace linnet::tokenizer {
namespace {

constexpr EncodeOptions kPlain{.add_special = false, .parse_special = false};

std::vector<std::string> Cases(const std::string& text) {
  static const std::string kSeparator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> cases;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(kSeparator, at), text.size());
    cases.push_back(text.substr(at, end - at));
    at = end + kSeparator.size();
  }
  return cases;
}

std::vector<std::vector<TokenId>> Expected(const std::string& text) {
  std::vector<std::vector<TokenId>> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::istringstream numbers(line);
    lines.emplace_back();
    for (TokenId id = 0; numbers >> id;) lines.back().push_back(id);
  }
  return lines;
}

class SharedVocabularyTest : public ::testing::TestWithParam<std::string> {};

TEST_P(SharedVocabularyTest, GivesTheExpectedIdsAndTheTextBack) {
  auto& fs = base::FileSystem::Real();
  const std::string path = testing::SharedData("tokenizers/ggml-vocab-" + GetParam() + ".gguf");
  LINNET_SHARED_OR_SKIP(path);
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Open(fs, path));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, Tokenizer::Create(*file));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  RecordProperty("create_ms", std::to_string(took.count()));
  ASSERT_OK_AND_ASSIGN(const std::string bytes, fs.ReadFile(path, 1 << 24));
  ASSERT_OK_AND_ASSIGN(const auto packed, CreatePacked(bytes));
  ExpectAlike(*tokenizer, *packed);
  ASSERT_OK_AND_ASSIGN(const std::string input, fs.ReadFile(path + ".inp", 1 << 20));
  ASSERT_OK_AND_ASSIGN(const std::string output, fs.ReadFile(path + ".out", 1 << 20));
  const auto cases = Cases(input);
  const auto expected = Expected(output);
  ASSERT_EQ(cases.size(), expected.size());
  ASSERT_GT(cases.size(), 40U);
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto ids = tokenizer->Encode(cases[i], kPlain);
    EXPECT_EQ(ids, expected[i]) << "case " << i << ": " << cases[i];
    EXPECT_EQ(packed->Encode(cases[i], kPlain), expected[i]) << "case " << i << ": " << cases[i];
    // WordPiece drops case, accents and spaces.
    if (GetParam() != "bert-bge") {
      EXPECT_EQ(tokenizer->Decode(ids), cases[i]) << "case " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, SharedVocabularyTest,
                         ::testing::Values("llama-spm", "gpt-2", "falcon", "smollm2", "starcoder",
                                           "bert-bge"),
                         [](const auto& vocabulary) {
                           std::string name = vocabulary.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace linnet::tokenizer
