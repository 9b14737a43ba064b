#ifndef LINNET_RUNTIME_TEMPLATE_TEXT_H_
#define LINNET_RUNTIME_TEMPLATE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::jinja {

// UTF-8 that knows of each byte whether the template wrote it (trusted) or a message did. Every operation on
// strings cuts and joins Texts, so that provenance follows the bytes wherever the template takes them.
class Text {
 public:
  // No text grows beyond this: what is appended then is dropped and overflowed() says so.
  static constexpr size_t kMaxBytes = 32u << 20;

  struct Run {
    size_t end;  // of the bytes that it covers; it begins where the one before ends
    bool trusted;
  };

  Text() = default;
  Text(std::string_view bytes, bool trusted) { Append(bytes, trusted); }

  void Append(std::string_view bytes, bool trusted);
  void Append(const Text& other);
  // Bytes [begin, end) of `other`, which must lie in it.
  void Append(const Text& other, size_t begin, size_t end);
  Text Sub(size_t begin, size_t end) const;

  std::string_view view() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  bool overflowed() const { return overflowed_; }
  void SetOverflowed() { overflowed_ = true; }
  bool TrustedAt(size_t byte) const;
  // Is every byte trusted? True of an empty text.
  bool Trusted() const { return runs_.empty() || (runs_.size() == 1 && runs_[0].trusted); }
  // Adjacent runs differ.
  const std::vector<Run>& runs() const { return runs_; }

 private:
  std::string bytes_;
  std::vector<Run> runs_;
  bool overflowed_ = false;
};

// Positions in UTF-8 (valid, as every Text is).
size_t CharSize(char lead);                              // bytes of the character that begins so
size_t CharCount(std::string_view text);                 // characters, as Python counts
size_t ByteOffset(std::string_view text, size_t index);  // of character `index`; size() when beyond
uint32_t DecodeChar(std::string_view text, size_t at);   // the code point that begins at `at`
void EncodeChar(std::string& out, uint32_t code);        // appends it
size_t Find(std::string_view text, std::string_view, size_t from);  // linear time; npos when absent
size_t FindLast(std::string_view text, std::string_view needle);    // ditto, the last

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_TEXT_H_
