#ifndef LINNET_DEPLOY_CLI_TABLE_H_
#define LINNET_DEPLOY_CLI_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace linnet::cli {

// Rows of text in aligned columns, two blanks apart; the last column is not padded. Widths count code points.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string HumanBytes(uint64_t bytes);      // "1.3 MiB"
std::string HumanTime(int64_t unix_micros);  // local time, "2026-11-20 14:03:05"; "-" for 0
std::string HumanAge(int64_t unix_micros);   // "12 s ago"

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_TABLE_H_
