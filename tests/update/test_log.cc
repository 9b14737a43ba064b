#include "tests/update/test_log.h"

namespace linnet::update {

void TestLog::Publish(const std::vector<trust::Repository::File>& files) {
  for (const trust::Repository::File& file : files) {
    const auto it = entries_.find({file.role, file.version});
    if (it != entries_.end() && it->second.second == file.sha256) continue;
    Append({file.role, file.version, file.sha256});
  }
}

void TestLog::Append(const audit::PublishedFile& file) {
  entries_[{file.role, file.version}] = {tree_.size(), file.sha256};
  tree_.Append(audit::LeafHashOf(file));
}

LogAnswer TestLog::Show(const LogQuestion& question) const {
  LogAnswer answer;
  answer.head = head();
  for (const uint64_t old : question.old_sizes) {
    answer.grown.push_back(old > 0 && old < size() ? tree_.Consistency(old, size()) : audit::Proof());
  }
  const auto include = [&](const char* role, uint64_t version) -> LogInclusion {
    const auto it = entries_.find({role, version});
    if (it == entries_.end()) return {};
    return {it->second.first, tree_.Inclusion(it->second.first, size())};
  };
  answer.timestamp = include("timestamp", question.timestamp_version);
  answer.snapshot = include("snapshot", question.snapshot_version);
  return answer;
}

}  // namespace linnet::update
