#include "runtime/tokenizer/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/gguf/model_file.h"
#include "runtime/pack/pack_format.h"
#include "runtime/tokenizer/tables_builder.h"
#include "tests/support/packed_model.h"
#include "tests/support/status_matchers.h"
#include "tests/tokenizer/test_vocabulary.h"

// Tables that lie in a file: the same everywhere, and whatever they say, nothing outside them is read.
namespace linnet::tokenizer {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::PackedBytes;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr char kMark[] = "\xe2\x96\x81";

// One vocabulary of each kind, with all that the tables have sections for.
std::string VocabularyOf(const std::string& model) {
  TestVocabulary table;
  table.Add("<unk>", TokenType::kUnknown);
  table.Add("</s>", TokenType::kControl);
  table.Add("", TokenType::kUnused);
  table.writer().SetUint32("tokenizer.ggml.unknown_token_id", 0);
  table.writer().SetUint32("tokenizer.ggml.eos_token_id", 1);
  if (model == "gpt2") {
    table.AddByteNames();
    table.Merge("a", "b");
    table.Merge("ab", "c");
    table.Merge("a", "b", /*add=*/false);  // of equal pairs the first counts
    table.Merge("l", "l");
  } else {
    if (model == "llama") table.AddByteTokens();
    for (const char* text : {"a", "b", "ab", "abc", "l"}) {
      table.Add(text, TokenType::kNormal, -2.0F);
      table.Add(absl::StrCat(kMark, text), TokenType::kNormal, -1.0F);
    }
    table.Add(kMark, TokenType::kNormal, -3.0F);
  }
  table.Add("!!", TokenType::kUserDefined);
  table.Add("!!!", TokenType::kUserDefined);
  table.Add("<|im_end|>");
  return table.Bytes(model, model == "gpt2" ? "gpt-2" : "");
}

// A packed vocabulary, and files that differ from it in their tables. Its checksums are of no interest here.
class Packed {
 public:
  explicit Packed(const std::string& model) : bytes_(PackedBytes(VocabularyOf(model))) {
    std::memcpy(&header_, bytes_.data(), sizeof(header_));
    payload_at_ = pack::PayloadOffset(header_.tensor_count, header_.payload_bytes);
    tables_ = bytes_.substr(payload_at_ + pack::TablesOffset(header_.metadata_bytes), header_.tables_bytes);
  }
  const std::string& tables() const { return tables_; }
  // `tables` outlive it, and so does this.
  std::unique_ptr<gguf::ModelFile> FileWith(const std::string& tables) const {
    auto file = gguf::ModelFile::FromParts(
        {.path = "m.linnet",
         .mapping = nullptr,
         .bytes = base::AsBytes(bytes_),
         .metadata = base::AsBytes(bytes_).subspan(payload_at_, header_.metadata_bytes),
         .key_count = header_.key_count,
         .tokenizer_tables = base::AsBytes(tables),
         .tensors = {}});
    LINNET_CHECK(file.ok());
    return *std::move(file);
  }
  absl::Status CreatedWith(const std::string& tables) const {
    return Tokenizer::Create(*FileWith(tables)).status();
  }
  template <typename Change>
  absl::Status CreatedWithHeader(Change change) const {
    TablesHeader header;
    std::memcpy(&header, tables_.data(), sizeof(header));
    change(header);
    std::string tables = tables_;
    std::memcpy(tables.data(), &header, sizeof(header));
    return CreatedWith(tables);
  }

 private:
  const std::string bytes_;
  pack::PackHeader header_;
  size_t payload_at_;
  std::string tables_;
};

class TablesTest : public ::testing::TestWithParam<std::string> {};

TEST_P(TablesTest, APackHasWhatTheGgufGives) {
  const std::string bytes = VocabularyOf(GetParam());
  ASSERT_OK_AND_ASSIGN(const auto gguf, gguf::GgufFile::Parse("m.gguf", base::AsBytes(bytes)));
  ASSERT_OK_AND_ASSIGN(const std::string built, BuildTables(*gguf));
  const Packed pack(GetParam());
  EXPECT_EQ(pack.tables(), built);
  EXPECT_THAT(CheckTables(*pack.FileWith(built)), IsOk());
  EXPECT_THAT(pack.CreatedWith(built), IsOk());
}

TEST_P(TablesTest, TablesThatDoNotFitTheirHeaderAreRefused) {
  const Packed pack(GetParam());
  for (size_t size = 1; size < pack.tables().size(); size += 7) {
    EXPECT_THAT(pack.CreatedWith(pack.tables().substr(0, size)),
                StatusIs(kDataLoss, HasSubstr("m.linnet: its tokenizer tables")))
        << size;
  }
  EXPECT_THAT(pack.CreatedWith(pack.tables() + std::string(8, '\0')),
              StatusIs(kDataLoss, HasSubstr("damaged")));
  for (uint32_t TablesHeader::* field :
       {&TablesHeader::tokens, &TablesHeader::text_bytes, &TablesHeader::named, &TablesHeader::scores,
        &TablesHeader::piece_bytes, &TablesHeader::always, &TablesHeader::when_parsing, &TablesHeader::words,
        &TablesHeader::merges, &TablesHeader::text_bucket_bits, &TablesHeader::merge_bucket_bits}) {
    for (const uint32_t by : {8U, 1U << 20, 1U << 31, ~uint32_t{15}}) {
      EXPECT_THAT(pack.CreatedWithHeader([&](TablesHeader& h) { h.*field += by; }), StatusIs(kDataLoss))
          << by;
    }
  }
  EXPECT_THAT(pack.CreatedWithHeader([](TablesHeader& h) { h.tokens = 0; }),
              StatusIs(kDataLoss, HasSubstr("0 tokens")));
  EXPECT_THAT(pack.CreatedWithHeader([](TablesHeader& h) { h.text_bucket_bits = 0; }), StatusIs(kDataLoss));
  EXPECT_THAT(pack.CreatedWithHeader([](TablesHeader& h) { h.kind = 5 - h.kind; }),
              StatusIs(kDataLoss, HasSubstr("tokenizer.ggml.model")));
}

// What another version of this program packed still runs here: from the metadata.
TEST_P(TablesTest, TablesOfOtherRulesAreMadeAnew) {
  const Packed pack(GetParam());
  ASSERT_OK_AND_ASSIGN(const auto wanted, Tokenizer::Create(*pack.FileWith(pack.tables())));
  for (const size_t at : {offsetof(TablesHeader, version), offsetof(TablesHeader, rules)}) {
    std::string tables = pack.tables().substr(0, pack.tables().size() / 2);
    tables[at] = static_cast<char>(tables[at] ^ 2);
    const auto file = pack.FileWith(tables);
    EXPECT_THAT(CheckTables(*file), IsOk());
    ASSERT_OK_AND_ASSIGN(const auto made, Tokenizer::Create(*file));
    ExpectAlike(*wanted, *made);
  }
}

// Any bytes behind a sound header: found by the full look; until then answers may be wrong, but come, and are
// of the table.
TEST_P(TablesTest, WrongEntriesAreFoundByTheFullLookAndHarmlessBefore) {
  const Packed pack(GetParam());
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  const std::string text = absl::StrCat("ab abc all!!! <|im_end|></s> ", kMark, "l \xff\xc3\xa9");
  int created = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string bad = pack.tables();
    const size_t body = bad.size() - sizeof(TablesHeader);
    // A few bytes leave most of it usable, many are found when the tokenizer is made.
    for (size_t left = round % 2 == 0 ? 1 + random() % 3 : size_t{1} << (random() % 10); left > 0; --left) {
      const size_t at = sizeof(TablesHeader) + random() % body;
      bad[at] = random() % 4 == 0 ? '\xff' : static_cast<char>(random());
    }
    // Scores that are not numbers, starts and ids of their greatest.
    if (round % 50 == 0) std::fill(bad.begin() + sizeof(TablesHeader), bad.end(), '\xff');
    const auto file = pack.FileWith(bad);
    if (bad != pack.tables()) {
      EXPECT_THAT(CheckTables(*file), StatusIs(kDataLoss, HasSubstr("not those of its metadata")));
    }
    const auto tokenizer = Tokenizer::Create(*file);
    if (!tokenizer.ok()) continue;  // a byte or the like has no token any more
    ++created;
    for (const bool parse : {false, true}) {
      const auto ids = (*tokenizer)->Encode(text, {.add_special = true, .parse_special = parse});
      for (const TokenId id : ids) ASSERT_TRUE(id >= 0 && id < (*tokenizer)->vocabulary_size()) << id;
      (*tokenizer)->Decode(ids);
    }
    for (TokenId id = 0; id < (*tokenizer)->vocabulary_size(); ++id) (*tokenizer)->Text(id);
  }
  EXPECT_GT(created, 100);
}

INSTANTIATE_TEST_SUITE_P(Kinds, TablesTest, ::testing::Values("llama", "gpt2", "bert", "t5"));

// Packs are signed: the same GGUF must give the same bytes on every machine, and in every release that does
// not raise kTablesVersion. When this fails, raise it.
TEST(TablesFormatTest, HashesAndImagesAreWhatTheyWere) {
  EXPECT_EQ(HashText(""), 0x0);
  EXPECT_EQ(HashText("abc"), 0x9b9b702ba43f6636);
  EXPECT_EQ(HashText("abcdefg"), 0xefef019811e87f32);
  EXPECT_EQ(HashText("abcdefghijklmnopq"), 0x40ce3f0326fc2ebd);
  EXPECT_EQ(HashPair(PairKey(1, 2)), 0x7775aa0c1a42973d);
  std::string all;
  for (const char* model : {"llama", "gpt2", "bert", "t5"}) {
    std::string tables = Packed(model).tables();
    std::fill_n(tables.begin() + offsetof(TablesHeader, rules), sizeof(uint64_t), '\0');
    all += tables;
  }
  EXPECT_EQ(base::Hex(base::AsView(base::Sha256(all))).substr(0, 16), "98a5b0d0d82261dc");
}

// Many texts in one bucket cost a search among them, no more, and all are found.
TEST(TablesFormatTest, EveryTextAndPairOfALargeVocabularyIsFound) {
  TestVocabulary table;
  table.AddByteNames();
  std::vector<std::string> texts;
  const std::string letters = "abcdefghijklmnopqrstuvwxyz";
  for (const char a : letters) {
    for (const char b : letters) {
      table.Merge({a}, {b});
      texts.push_back({a, b});
    }
  }
  const std::string bytes = table.Bytes("gpt2", "gpt-2");
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("m.gguf", base::AsBytes(bytes)));
  ASSERT_OK_AND_ASSIGN(const Tables tables, LoadTables(*file));
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto id = static_cast<TokenId>(256 + i);
    EXPECT_EQ(tables.Find(texts[i]), id);
    const auto merge =
        tables.FindMerge(*tables.Find(texts[i].substr(0, 1)), *tables.Find(texts[i].substr(1)));
    ASSERT_TRUE(merge.has_value());
    EXPECT_EQ(merge->id, id);
    EXPECT_EQ(merge->rank, static_cast<int32_t>(i));
    EXPECT_EQ(tables.Find(texts[i] + "!"), std::nullopt);
    EXPECT_EQ(tables.FindMerge(id, 0), std::nullopt);
  }
}

}  // namespace
}  // namespace linnet::tokenizer
