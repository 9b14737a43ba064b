#ifndef LINNET_TESTS_COORDINATOR_SMALL_COORDINATOR_H_
#define LINNET_TESTS_COORDINATOR_SMALL_COORDINATOR_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/authority.h"
#include "coordinator/cohort.h"
#include "coordinator/content_store.h"
#include "coordinator/enrollment.h"
#include "coordinator/fleet_database.h"
#include "coordinator/published_log.h"
#include "coordinator/rollout_driver.h"
#include "coordinator/seen_log.h"
#include "coordinator/site_files.h"
#include "storage/audit/published.h"
#include "storage/trust/repository.h"
#include "storage/trust/site.h"
#include "tests/coordinator/test_device.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sim_disk.h"
#include "tests/support/temp_dir.h"

namespace linnet::coordinator {

// All that a coordinator keeps, opened as coordinator.cc does, without its servers.
struct Stores {
  static absl::StatusOr<std::unique_ptr<Stores>> Open(base::FileSystem& fs, const std::string& site_dir,
                                                      const std::string& state_dir, const base::Clock& clock);
  // As Publish of the admin service, with the small targets and the model.
  absl::Status Publish(base::FileSystem& fs, const std::string& incoming, absl::Time now,
                       const std::map<std::string, std::string>& metadata,
                       const std::map<std::string, std::string>& targets);
  // As StartRollout does.
  absl::Status Start(const std::string& plan);
  // Waits until it is on the disk, or has failed to be.
  fleet::v1::CheckInResponse CheckIn(const std::string& device, const repo::DeviceReport& report);

  Notifiers notifiers;
  std::unique_ptr<SiteFiles> site;
  std::unique_ptr<Authority> authority;
  std::unique_ptr<PublishedLog> log;
  std::unique_ptr<trust::Repository> repository;
  std::unique_ptr<ContentStore> content;
  std::unique_ptr<FleetDatabase> fleet;
  std::unique_ptr<SeenLog> seen;
  std::unique_ptr<Cohort> cohort;
  std::unique_ptr<RolloutDriver> rollouts;
  std::unique_ptr<Enrollment> enrollment;
};

// The whole life of a small fleet, in steps that may each be tried again: a start, a token, a device, a
// model, a plan, its rollout, a check-in, a receipt, a revocation, a new timestamp. On a disk in memory.
class SmallCoordinator {
 public:
  SmallCoordinator();

  struct Step {
    std::string name;
    std::function<absl::Status()> run;
  };
  const std::vector<Step>& steps() const { return steps_; }
  // Everything new, on a disk that has the site's files and nothing else.
  void Reset();
  void Close() { stores_.reset(); }
  void CheckInAgain();
  // After all steps: what is missing or wrong, in the open stores; empty: nothing. Opens them where they are
  // closed.
  std::string WhatIsWrong();

  testing::SimDisk& disk() { return disk_; }

 private:
  absl::Status Opened();
  // What a device that kept the newest head of the log makes of the one of now.
  absl::Status LogOnlyGrew();

  testing::FakeClock clock_;
  testing::TempDir dir_{true};
  testing::SimDisk disk_{dir_.path()};
  testing::SimDisk::Image image_;
  const absl::Time begin_;
  TestDevice device_;
  std::string token_;
  trust::Publication model_, plan_;
  std::string model_bytes_, model_target_, model_sha256_, plan_target_, plan_sha256_;
  std::unique_ptr<Stores> stores_;
  audit::LogHead newest_;
  uint64_t timestamp_ = 0;  // the newest that was acknowledged
  std::vector<Step> steps_;
};

}  // namespace linnet::coordinator

#endif  // LINNET_TESTS_COORDINATOR_SMALL_COORDINATOR_H_
