// For pretokenizer_reference.py. split_words --names: every pre-tokenizer, a line each. split_words NAME:
// reads texts, each after a line with its length in bytes, and writes the lengths of its words, a line each.

#include <cstdio>
#include <iostream>
#include <string>

#include "absl/strings/numbers.h"
#include "runtime/tokenizer/pretokenizer.h"

int main(int argc, char** argv) {
  using linnet::tokenizer::Pretokenizer;
  if (argc != 2) {
    std::fprintf(stderr, "usage: split_words --names | NAME\n");
    return 2;
  }
  const std::string name = argv[1];
  if (name == "--names") {
    for (const std::string_view known : Pretokenizer::Names()) std::cout << known << '\n';
    return 0;
  }
  const auto pretokenizer = Pretokenizer::Create(name);
  if (!pretokenizer.ok()) {
    std::cerr << pretokenizer.status().message() << '\n';
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
    size_t size = 0;
    if (!absl::SimpleAtoi(line, &size)) return 2;
    std::string text(size, '\0');
    if (!std::cin.read(text.data(), static_cast<std::streamsize>(size))) return 2;
    const char* separator = "";
    for (const std::string_view word : pretokenizer->Split(text)) {
      std::cout << separator << word.size();
      separator = " ";
    }
    std::cout << '\n';
  }
  return 0;
}
