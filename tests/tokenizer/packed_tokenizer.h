#ifndef LINNET_TESTS_TOKENIZER_PACKED_TOKENIZER_H_
#define LINNET_TESTS_TOKENIZER_PACKED_TOKENIZER_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/pack/pack_writer.h"
#include "runtime/pack/packed_file.h"
#include "runtime/tokenizer/tokenizer.h"
#include "tests/support/temp_dir.h"

namespace linnet::tokenizer {

// The tokenizer of a GGUF's packed file, which is gone when this returns.
inline absl::StatusOr<std::unique_ptr<Tokenizer>> CreatePacked(const std::string& gguf_bytes) {
  const testing::TempDir dir(/*in_memory=*/true);
  base::FileSystem& fs = base::FileSystem::Real();
  LINNET_RETURN_IF_ERROR(fs.WriteFileAtomic(dir / "vocab.gguf", gguf_bytes));
  LINNET_RETURN_IF_ERROR(pack::Pack(fs, dir / "vocab.gguf", dir / "vocab.linnet", {}).status());
  LINNET_ASSIGN_OR_RETURN(const pack::PackedFile packed, pack::OpenPacked(fs, dir / "vocab.linnet"));
  return Tokenizer::Create(*packed.model);
}

// That both say the same of every id, and of a few texts. Other tests compare what theirs are about.
inline void ExpectAlike(const Tokenizer& a, const Tokenizer& b) {
  ASSERT_EQ(a.vocabulary_size(), b.vocabulary_size());
  EXPECT_EQ(a.bos(), b.bos());
  EXPECT_EQ(a.eos(), b.eos());
  EXPECT_EQ(a.end_tokens(), b.end_tokens());
  std::string special;
  for (TokenId id = 0; id < a.vocabulary_size(); ++id) {
    ASSERT_EQ(a.Piece(id), b.Piece(id)) << id;
    ASSERT_EQ(a.Text(id), b.Text(id)) << id;
    ASSERT_EQ(a.IsControl(id), b.IsControl(id)) << id;
    ASSERT_EQ(a.FindControl(a.Text(id)), b.FindControl(a.Text(id))) << id;
    if (a.IsControl(id) && special.size() < 4096) special.append(a.Text(id)).append(" x ");
  }
  for (const std::string& text :
       {std::string(), special, std::string("The caf\xc3\xa9's 12 345  boats\r\n\xff!"),
        std::string("ab abc \xe2\x96\x81 \xe4\xb8\xad\xe6\x96\x87")}) {
    for (const bool add : {false, true}) {
      for (const bool parse : {false, true}) {
        const EncodeOptions options = {.add_special = add, .parse_special = parse};
        const auto ids = a.Encode(text, options);
        EXPECT_EQ(ids, b.Encode(text, options)) << text;
        EXPECT_EQ(a.Decode(ids), b.Decode(ids)) << text;
      }
    }
  }
}

}  // namespace linnet::tokenizer

#endif  // LINNET_TESTS_TOKENIZER_PACKED_TOKENIZER_H_
