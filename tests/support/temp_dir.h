#ifndef LINNET_TESTS_SUPPORT_TEMP_DIR_H_
#define LINNET_TESTS_SUPPORT_TEMP_DIR_H_

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace linnet::testing {

// A fresh folder, removed with all that is in it. `in_memory`: where fsync costs nothing, if there is such a
// place; for tests that sync thousands of times.
class TempDir {
 public:
  explicit TempDir(bool in_memory = false) {
    for (const std::string& parent :
         {std::string(in_memory ? "/dev/shm" : ""), std::filesystem::temp_directory_path().string()}) {
      std::string pattern = parent + "/linnet-test-XXXXXX";
      if (parent.empty() || mkdtemp(pattern.data()) == nullptr) continue;
      path_ = pattern;
      return;
    }
    std::abort();
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_TEMP_DIR_H_
