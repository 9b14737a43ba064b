// Writes small inputs for gguf_fuzz, pack_fuzz, tokenizer_fuzz, plan_fuzz, lift_fuzz and bundle_fuzz:
// make_seeds FOLDER. They are committed under tests/fuzz/data; run it again when the formats change.

#include <cstdio>
#include <filesystem>
#include <string>

#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_writer.h"
#include "tests/fuzz/make_trust_seeds.h"
#include "tests/support/packed_model.h"
#include "tests/tokenizer/double_array.h"
#include "tests/tokenizer/test_vocabulary.h"

namespace {

using linnet::gguf::GgufWriter;
using linnet::gguf::ValueType;
using linnet::testing::PackedBytes;
using linnet::tokenizer::TestVocabulary;
using linnet::tokenizer::TokenType;

void Write(const std::string& folder, const std::string& name, const std::string& bytes) {
  std::filesystem::create_directories(folder);
  LINNET_CHECK(linnet::base::FileSystem::Real().WriteFileAtomic(folder + "/" + name, bytes, 0644).ok());
}

std::string Metadata() {
  GgufWriter writer(2);
  writer.SetUint8("a", 255);
  writer.SetInt8("b", -1);
  writer.SetInt16("c", -2);
  writer.SetUint16("d", 3);
  writer.SetInt64("e", -4);
  writer.SetUint64("f", ~uint64_t{0});
  writer.SetFloat32("g", 0.5F);
  writer.SetFloat64("h", 2.5);
  writer.SetBool("i", true);
  writer.SetString("j", "text");
  writer.SetStringArray("k", {"", "x", "yz"});
  writer.SetInt32Array("l", {1, -2});
  writer.SetFloat32Array("m", {1.5F});
  writer.SetBoolArray("n", {true, false});
  // Arrays in an array: one of one uint8, one of no strings.
  std::string nested("\x09\0\0\0\x02\0\0\0\0\0\0\0", 12);
  nested += std::string("\0\0\0\0\x01\0\0\0\0\0\0\0\x07", 13);
  nested += std::string("\x08\0\0\0\0\0\0\0\0\0\0\0", 12);
  writer.SetRaw("o", ValueType::kArray, nested);
  return *writer.Serialize();
}

std::string Tensors() {
  GgufWriter writer;
  writer.SetString("general.architecture", "llama");
  writer.SetAlignment(8);
  const std::string zeros(256, '\0');
  const auto view = linnet::base::AsBytes(zeros);
  writer.AddTensorView("f32", 0, {3}, view.first(12));
  writer.AddTensorView("f16", 1, {3, 2}, view.first(12));
  writer.AddTensorView("q4", 2, {32}, view.first(18));
  writer.AddTensorView("q8", 8, {32, 1, 1, 1}, view.first(34));
  writer.AddTensorView("q4k", 12, {256}, view.first(144));
  return *writer.Serialize();
}

// Large enough for tiles; the first a whole tile, the second a row more.
std::string Matrices() {
  GgufWriter writer;
  const std::string zeros(17 * 144, '\0');
  const auto view = linnet::base::AsBytes(zeros);
  writer.AddTensorView("q4", 2, {32, 16}, view.first(16 * 18));
  writer.AddTensorView("q4k", 12, {256, 17}, view.first(17 * 144));
  writer.AddTensorView("f32", 0, {3}, view.first(12));
  return *writer.Serialize();
}

// A head that is packed in planes: at least 256 rows of Q8_0.
std::string Head() {
  GgufWriter writer;
  std::string blocks;
  for (int row = 0; row < 256; ++row) {
    blocks += std::string("\x00\x3c", 2);  // 1 as a half
    for (int i = 0; i < 32; ++i) blocks.push_back(static_cast<char>(row * 7 + i));
  }
  writer.AddTensorView("token_embd.weight", 8, {32, 256}, linnet::base::AsBytes(blocks));
  return *writer.Serialize();
}

std::string WithText(const std::string& blob, const std::string& text) {
  LINNET_CHECK(blob.size() < 65536);
  std::string bytes;
  bytes.push_back(static_cast<char>(blob.size() & 0xff));
  bytes.push_back(static_cast<char>(blob.size() >> 8));
  return bytes + blob + text;
}

std::string Spm(bool byte_tokens) {
  TestVocabulary table;
  table.Add("<unk>", TokenType::kUnknown);
  table.Add("<s>", TokenType::kControl);
  table.Add("</s>", TokenType::kControl);
  if (byte_tokens) table.AddByteTokens();
  table.Add("\xe2\x96\x81", TokenType::kNormal, -3);
  table.Add("a", TokenType::kNormal, -4);
  table.Add("b", TokenType::kNormal, -5);
  table.Add("ab", TokenType::kNormal, -1);
  table.Add("  ", TokenType::kUserDefined);
  table.writer().SetUint32("tokenizer.ggml.unknown_token_id", 0);
  return table.Bytes("llama", "");
}

std::string ByteLevel(const std::string& pre) {
  TestVocabulary table;
  const linnet::tokenizer::TokenId unknown = table.Add("<unk>", TokenType::kUnknown);
  table.writer().SetUint32("tokenizer.ggml.unknown_token_id", static_cast<uint32_t>(unknown));
  for (const char* text : {"a", "b", "l", "\xc4\xa0", "1", "'", "!"}) table.Add(text);
  table.Merge("a", "b");
  table.Merge("\xc4\xa0", "ab");
  table.Merge("'", "l");
  table.Merge("'l", "l");
  table.Add("<|im_end|>", TokenType::kControl);
  table.Add("!!", TokenType::kUserDefined);
  table.writer().SetUint32("tokenizer.ggml.bos_token_id", 0);
  table.writer().SetBool("tokenizer.ggml.add_bos_token", true);
  return table.Bytes("gpt2", pre);
}

std::string WordPiece() {
  TestVocabulary table;
  table.Add("[UNK]", TokenType::kControl);
  const std::string mark = "\xe2\x96\x81";
  for (const std::string& text : {mark + "ab", mark + "a", std::string("l"), mark + "!"}) table.Add(text);
  table.writer().SetUint32("tokenizer.ggml.unknown_token_id", 0);
  table.writer().SetUint32("tokenizer.ggml.cls_token_id", 0);
  return table.Bytes("bert", "");
}

std::string Unigram() {
  TestVocabulary table;
  table.Add("<pad>", TokenType::kControl);
  table.Add("</s>", TokenType::kControl);
  table.Add("<unk>", TokenType::kUnknown);
  table.Add("\xe2\x96\x81", TokenType::kNormal, -3);
  table.Add("a", TokenType::kNormal, -4);
  table.Add(
      "\xe2\x96\x81"
      "a",
      TokenType::kNormal, -5);
  table.Add("ab", TokenType::kNormal, -1);
  table.Add("!!", TokenType::kUserDefined);
  table.writer().SetBool("tokenizer.ggml.add_space_prefix", true);
  table.writer().SetBool("tokenizer.ggml.remove_extra_whitespaces", true);
  const std::string blob =
      linnet::tokenizer::DoubleArray::Blob({{"\xc3\xa9", "e"}, {"\r\n", " "}, {"\xe2\x96\x82", "abab"}});
  std::string array("\0\0\0\0", 4);
  for (size_t i = 0; i < 8; ++i) array.push_back(static_cast<char>(blob.size() >> (8 * i) & 0xff));
  table.writer().SetRaw("tokenizer.ggml.precompiled_charsmap", ValueType::kArray, array + blob);
  return table.Bytes("t5", "");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_seeds FOLDER\n");
    return 2;
  }
  const std::string folder = argv[1];
  Write(folder + "/gguf_fuzz", "metadata", Metadata());
  Write(folder + "/gguf_fuzz", "tensors", Tensors());
  Write(folder + "/gguf_fuzz", "vocabulary", ByteLevel("gpt-2"));
  Write(folder + "/pack_fuzz", "metadata", PackedBytes(Metadata()));
  Write(folder + "/pack_fuzz", "tensors", PackedBytes(Tensors()));
  Write(folder + "/pack_fuzz", "tiles", PackedBytes(Matrices()));
  Write(folder + "/pack_fuzz", "planes", PackedBytes(Head()));
  Write(folder + "/pack_fuzz", "byte_level", PackedBytes(ByteLevel("gpt-2")));
  Write(folder + "/pack_fuzz", "unigram", PackedBytes(Unigram()));
  const std::string text = "ab a'll 123  !!x\xc3\xa9\r\n \xe2\x96\x81<|im_end|></s>\xff";
  Write(folder + "/tokenizer_fuzz", "spm", WithText(Spm(false), text));
  Write(folder + "/tokenizer_fuzz", "spm_bytes", WithText(Spm(true), text));
  Write(folder + "/tokenizer_fuzz", "bert", WithText(WordPiece(), text));
  Write(folder + "/tokenizer_fuzz", "t5", WithText(Unigram(), text));
  for (const char* pre :
       {"gpt-2",          "llama-bpe",  "qwen2",     "falcon",       "default",
        "deepseek-coder", "bloom",      "smollm",    "deepseek-llm", "deepseek-v3",
        "afmoe",          "gpt-4o",     "tekken",    "superbpe",     "youtu",
        "kimi-k2",        "exaone-moe", "chameleon", "jais-2",       "granite-embed-multi-97m"}) {
    Write(folder + "/tokenizer_fuzz", pre, WithText(ByteLevel(pre), text));
  }
  linnet::testing::WriteTrustSeeds(folder);
  return 0;
}
