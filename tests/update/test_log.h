#ifndef LINNET_TESTS_UPDATE_TEST_LOG_H_
#define LINNET_TESTS_UPDATE_TEST_LOG_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/update/link.h"
#include "runtime/base/keys.h"
#include "storage/audit/published.h"
#include "storage/trust/repository.h"

namespace linnet::update {

// The log of what a coordinator published. A copy of it that goes on by itself is another log: what a
// coordinator with two faces keeps.
class TestLog {
 public:
  explicit TestLog(base::PrivateKey timestamp_key) : key_(std::move(timestamp_key)) {}

  // Those that are not in it.
  void Publish(const std::vector<trust::Repository::File>& files);
  void Append(const audit::PublishedFile& file);
  audit::LogHead head() const { return *audit::SignHead(tree_, key_); }
  uint64_t size() const { return tree_.size(); }
  // With the true proofs of this very log: the best that anybody can show.
  LogAnswer Show(const LogQuestion& question) const;

 private:
  base::PrivateKey key_;
  audit::MerkleTree tree_;
  std::map<std::pair<std::string, uint64_t>, std::pair<uint64_t, std::string>> entries_;  // index, sha256
};

}  // namespace linnet::update

#endif  // LINNET_TESTS_UPDATE_TEST_LOG_H_
