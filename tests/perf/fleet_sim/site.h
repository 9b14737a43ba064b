#ifndef LINNET_TESTS_PERF_FLEET_SIM_SITE_H_
#define LINNET_TESTS_PERF_FLEET_SIM_SITE_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "linnet/admin/v1/admin.grpc.pb.h"
#include "runtime/base/x509.h"
#include "storage/trust/site.h"

namespace linnet::fleet_sim {

// The real program, in a process of its own. Ends with this object, and with this process.
class CoordinatorProcess {
 public:
  struct Usage {
    uint64_t resident_bytes = 0, peak_bytes = 0, disk_written_bytes = 0;
    int threads = 0, descriptors = 0;
    double cpu_seconds = 0;
  };

  // Serves when it returns. Later starts use the addresses of the first.
  absl::Status Start(const std::string& program, const std::string& dir, int max_devices);
  void Kill(int signal);  // and waits for its end
  ~CoordinatorProcess() { Kill(9); }

  const std::string& fleet_address() const { return fleet_; }
  const std::string& admin_address() const { return admin_; }
  Usage Now() const;

 private:
  pid_t pid_ = 0;
  std::string fleet_ = "127.0.0.1:0", admin_ = "127.0.0.1:0";
};

// A site with its offline keys, and its operator at the coordinator's admin port.
class Operator {
 public:
  // Makes `dir`/site.
  static absl::Status MakeSite(const std::string& dir);
  static absl::StatusOr<std::unique_ptr<Operator>> Connect(const std::string& dir,
                                                           const std::string& admin_address);

  admin::v1::Admin::Stub& stub() { return *stub_; }
  const base::Certificate& fleet_root() const { return root_; }
  // A model of a few KiB, signed and published; its target path.
  absl::StatusOr<std::string> PublishModel(const std::string& dir);
  // A plan that brings the model to everybody at once, signed and published; its target path.
  absl::StatusOr<std::string> PublishPlan(const std::string& model);
  absl::Status Start(const std::string& plan);
  absl::Status Stop();

  struct Looked {
    size_t entries = 0, messages = 0, largest = 0;
  };
  absl::StatusOr<Looked> ListDevices();
  absl::StatusOr<Looked> ListRollouts();
  absl::StatusOr<Looked> ShowRollout();   // its waves
  absl::StatusOr<Looked> ListProgress();  // its devices

 private:
  Operator(std::unique_ptr<trust::Site> site, base::Certificate root,
           std::unique_ptr<admin::v1::Admin::Stub> stub)
      : site_(std::move(site)), root_(std::move(root)), stub_(std::move(stub)) {}
  absl::StatusOr<std::map<std::string, std::string>> Current();
  absl::Status Upload(const std::map<std::string, std::string>& metadata,
                      const std::map<std::string, std::string>& targets);

  const std::unique_ptr<trust::Site> site_;
  const base::Certificate root_;
  const std::unique_ptr<admin::v1::Admin::Stub> stub_;
};

}  // namespace linnet::fleet_sim

#endif  // LINNET_TESTS_PERF_FLEET_SIM_SITE_H_
