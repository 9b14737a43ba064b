#include "runtime/tokenizer/byte_names.h"

#include "runtime/tokenizer/utf8.h"

namespace linnet::tokenizer {
namespace {

constexpr bool IsSeen(uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

struct Tables {
  std::array<std::string, 256> names;
  // Of code points below 0x144, which are all that names use; -1 where none does.
  std::array<int16_t, 0x144> bytes;
};

Tables MakeTables() {
  Tables tables;
  tables.bytes.fill(-1);
  uint32_t hidden = 0;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const uint32_t code = IsSeen(byte) ? byte : 0x100 + hidden++;
    AppendUtf8(tables.names[byte], code);
    tables.bytes[code] = static_cast<int16_t>(byte);
  }
  return tables;
}

const Tables& GetTables() {
  static const Tables tables = MakeTables();
  return tables;
}

}  // namespace

const std::array<std::string, 256>& ByteNames() { return GetTables().names; }

void AppendNamedBytes(std::string& out, std::string_view text) {
  const Tables& tables = GetTables();
  for (size_t at = 0; at < text.size();) {
    const Decoded decoded = DecodeUtf8(text, at);
    if (decoded.valid && decoded.code < tables.bytes.size() && tables.bytes[decoded.code] >= 0) {
      out.push_back(static_cast<char>(tables.bytes[decoded.code]));
    } else {
      out.append(text.substr(at, decoded.size));
    }
    at += decoded.size;
  }
}

}  // namespace linnet::tokenizer
