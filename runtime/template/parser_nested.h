#ifndef LINNET_RUNTIME_TEMPLATE_PARSER_NESTED_H_
#define LINNET_RUNTIME_TEMPLATE_PARSER_NESTED_H_

#include "runtime/template/parser.h"

namespace linnet::jinja {

// Counts the recursion of the parser; beyond the limit the parse fails and so ends.
class Parser::Nested {
 public:
  explicit Nested(Parser& parser);
  ~Nested();
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  Parser& parser_;
};

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_PARSER_NESTED_H_
