// A fleet whose lists fit into no message: as operators' commands see it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "coordinator/fleet_database.h"
#include "deploy/cli/rollout_view.h"
#include "deploy/cli/site_lists.h"
#include "runtime/base/hash.h"
#include "tests/coordinator/fleet_fixture.h"
#include "tests/support/status_matchers.h"

namespace linnet::coordinator {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;
using testing::IsOk;

constexpr char kName[] = "a-device-with-one-of-those-long-names-that-people-give-";

class LargeFleetTest : public FleetFixture {
 protected:
  // One that enrols, and so many rows that there are `devices`.
  void Begin(size_t devices) {
    first_ = NewDevice("first");
    admin_.reset();
    coordinator_.reset();
    {
      ASSERT_OK_AND_ASSIGN(const auto fleet, FleetDatabase::Open(config_.state_dir + "/fleet.db"));
      const base::MutexLock lock(fleet->mutex);
      ASSERT_THAT(fleet->db->Transact([&]() -> absl::Status {
        repo::DeviceRow row;
        for (size_t n = 1; n < devices; ++n) {
          row.id = base::RandomBytes(16);
          row.name = absl::StrCat(kName, n);
          row.public_key = "\x04" + base::RandomBytes(64);
          row.enrolled = row.report.last_seen = clock_.Now() + absl::Seconds(n);
          row.certificate_expires = clock_.Now() + absl::Hours(24 * 30);
          const absl::Status put = fleet->devices.Put(row);
          if (!put.ok()) return put;
        }
        return absl::OkStatus();
      }),
                  IsOk());
    }
    StartCoordinator();
    auto connected = cli::ConnectCoordinator(dir_ / "site", coordinator_->admin_address());
    ASSERT_TRUE(connected.ok()) << connected.status();
    cli_ = std::make_unique<cli::Coordinator>(*std::move(connected));
  }

  std::unique_ptr<TestDevice> first_;
  std::unique_ptr<cli::Coordinator> cli_;
};

TEST_F(LargeFleetTest, DevicesComeInPagesAndNeverInOneMessage) {
  constexpr size_t kDevices = 30'000;  // with their long names above the 4 MiB that gRPC takes
  Begin(kDevices);
  ASSERT_OK_AND_ASSIGN(const admin::v1::ListDevicesResponse all, cli::AllDevices(*cli_));
  ASSERT_EQ(static_cast<size_t>(all.devices_size()), kDevices);
  std::set<std::string> ids;
  for (const admin::v1::Device& device : all.devices()) ids.insert(device.id());
  EXPECT_EQ(ids.size(), kDevices);
  EXPECT_EQ(all.devices(0).id(), first_->id);  // the oldest first
  EXPECT_EQ(all.devices(1).name(), absl::StrCat(kName, 1));
  EXPECT_GT(all.ByteSizeLong(), size_t{4} << 20);

  admin::v1::ListDevicesRequest page;
  page.set_page_size(1'000'000);
  admin::v1::ListDevicesResponse response;
  Context context;
  ASSERT_TRUE(admin().ListDevices(&context, page, &response).ok());
  EXPECT_EQ(response.devices_size(), 2'000);
  EXPECT_LT(response.ByteSizeLong(), size_t{1} << 20);

  // A program that knows no pages is told so.
  Context at_once;
  const grpc::Status refused = admin().ListDevices(&at_once, {}, &response);
  EXPECT_EQ(refused.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("page_size"));
}

TEST_F(LargeFleetTest, ARolloutIsSeenByItsWavesAndByItsDevicesOnRequest) {
  constexpr size_t kDevices = 10'500;  // above the lines of one message
  Begin(kDevices);
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  const SignedPlan plan = PublishPlan(model, {first_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Report(*first_, first_->Report(plan.sha256, model.sha256, fleet::v1::PASSED)).ok());

  ASSERT_OK_AND_ASSIGN(admin::v1::Rollout rollout, cli::FindRollout(*cli_, "", cli::kDevicesShown));
  EXPECT_TRUE(rollout.devices_left_out());
  EXPECT_EQ(rollout.devices_size(), 0);
  ASSERT_EQ(rollout.waves_size(), 2);
  EXPECT_EQ(rollout.waves(0).devices(), 1u);
  EXPECT_EQ(rollout.waves(0).passed(), 1u);
  EXPECT_EQ(rollout.waves(1).devices(), kDevices - 1);
  EXPECT_LT(rollout.ByteSizeLong(), size_t{4} << 10);
  EXPECT_THAT(cli::Picture(rollout), HasSubstr(absl::StrCat(kDevices, " devices")));

  admin::v1::Rollout reported = rollout;
  ASSERT_THAT(cli::FillLines(*cli_, reported, /*reported=*/true), IsOk());
  ASSERT_EQ(reported.devices_size(), 1);
  EXPECT_EQ(reported.devices(0).id(), first_->id);
  EXPECT_EQ(reported.devices(0).outcome(), "passed");
  ASSERT_THAT(cli::FillLines(*cli_, rollout, /*reported=*/false), IsOk());
  EXPECT_FALSE(rollout.devices_left_out());
  std::set<std::string> ids;
  for (const admin::v1::DeviceProgress& line : rollout.devices()) ids.insert(line.id());
  EXPECT_EQ(ids.size(), kDevices);

  ASSERT_OK_AND_ASSIGN(const admin::v1::ListRolloutsResponse all, cli::AllRollouts(*cli_));
  ASSERT_EQ(all.rollouts_size(), 1);
  EXPECT_TRUE(all.rollouts(0).devices_left_out());
  EXPECT_EQ(all.rollouts(0).waves(1).devices(), kDevices - 1);
  // Nor for whom does not ask for fewer lines, and whatever he asks for.
  for (const bool asks : {false, true}) {
    admin::v1::WatchRolloutRequest request;
    if (asks) request.set_most_devices(0xffffffff);
    Context context;
    const auto watch = admin().WatchRollout(&context, request);
    admin::v1::Rollout seen;
    ASSERT_TRUE(watch->Read(&seen));
    EXPECT_TRUE(seen.devices_left_out());
    EXPECT_EQ(seen.devices_size(), 0);
  }
}

using WavesByBucketTest = FleetFixture;

// Passes are counted as they come; counted anew, as after a restart, they are the same.
TEST_F(WavesByBucketTest, CountTheSameAsTheyComeAndAnew) {
  std::vector<std::unique_ptr<TestDevice>> devices;
  for (int i = 0; i < 8; ++i) devices.push_back(NewDevice(absl::StrCat("device-", i)));
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  trust::Plan plan;
  std::vector<TestDevice*> first;  // of a bucket below the half; some on each side
  while (first.size() < 3 || first.size() > 6) {
    plan.id = base::Hex(base::RandomBytes(16));
    first.clear();
    for (const auto& device : devices) {
      if (plan.BucketOf(device->id) < 5000) first.push_back(device.get());
    }
  }
  plan.model_target = model.target;
  plan.model_sha256 = model.sha256;
  plan.release_counter = 1;
  plan.waves = {{.name = "half", .until_bucket = 5000}, {.name = "all", .passes_needed = 3}};
  plan.most_failures = 8;
  plan.created = clock_.Now();
  plan.expires = plan.created + absl::Hours(24);
  ASSERT_OK_AND_ASSIGN(const trust::Publication publication, site_->SignPlan(plan, CurrentMetadata()));
  ASSERT_TRUE(PublishParts(publication.metadata, publication.small_targets).ok());
  const std::string json = publication.small_targets.begin()->second;
  const std::string sha256(base::AsView(base::Sha256(json)));
  ASSERT_TRUE(Start({plan, publication.targets[0].path, json, sha256}).ok());

  const auto report = [&](const TestDevice& device, fleet::v1::Outcome outcome, uint64_t attempt) {
    clock_.Advance(absl::Seconds(1));
    ASSERT_TRUE(Report(device, device.Report(sha256, model.sha256, outcome, attempt)).ok());
  };
  report(*first[0], fleet::v1::PASSED, 1);
  EXPECT_EQ(NewestRollout().waves(1).passes(), 1u);
  report(*first[1], fleet::v1::ROLLED_BACK, 1);
  EXPECT_EQ(NewestRollout().waves(1).passes(), 1u);
  report(*first[2], fleet::v1::PASSED, 1);
  EXPECT_EQ(NewestRollout().waves(1).passes(), 2u);
  EXPECT_FALSE(NewestRollout().waves(1).open());
  report(*first[0], fleet::v1::ROLLED_BACK, 2);  // its later word
  EXPECT_EQ(NewestRollout().waves(1).passes(), 1u);
  report(*first[0], fleet::v1::PASSED, 3);
  report(*first[1], fleet::v1::PASSED, 2);
  EXPECT_TRUE(NewestRollout().waves(1).open());
  for (size_t i = 3; i < first.size(); ++i) report(*first[i], fleet::v1::PASSED, 1);
  admin::v1::Rollout counted = NewestRollout();
  EXPECT_EQ(counted.waves(0).passed(), first.size());
  EXPECT_EQ(counted.waves(1).passes(), first.size());
  RestartCoordinator();
  admin::v1::Rollout anew = NewestRollout();
  for (admin::v1::Rollout* rollout : {&counted, &anew}) rollout->clear_changed_unix_micros();
  EXPECT_EQ(anew.SerializeAsString(), counted.SerializeAsString());
  const auto last = std::find_if(devices.begin(), devices.end(),
                                 [&](const auto& d) { return plan.BucketOf(d->id) >= 5000; });
  fleet::v1::CheckInResponse response;
  ASSERT_TRUE(CheckIn(**last, &response).ok());
  EXPECT_EQ(static_cast<size_t>(response.receipts_size()), first.size());
}

using RolloutPagesTest = FleetFixture;

TEST_F(RolloutPagesTest, RolloutsComeInPagesAndASmallOneWithItsDevices) {
  const auto device = NewDevice("press");
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    const SignedPlan plan = PublishPlan(model, {device.get()});
    ASSERT_TRUE(Start(plan).ok());
    ids.push_back(plan.plan.id);
  }
  admin::v1::ListRolloutsRequest request;
  request.set_page_size(2);
  std::vector<std::string> seen;
  for (int pages = 0; pages < 2; ++pages) {
    admin::v1::ListRolloutsResponse response;
    Context context;
    ASSERT_TRUE(admin().ListRollouts(&context, request, &response).ok());
    for (const admin::v1::Rollout& rollout : response.rollouts()) {
      seen.push_back(rollout.id());
      EXPECT_FALSE(rollout.devices_left_out());
      ASSERT_EQ(rollout.devices_size(), 1);
      EXPECT_EQ(rollout.devices(0).name(), "press");
    }
    EXPECT_EQ(response.next_page_token().empty(), pages == 1);
    request.set_page_token(response.next_page_token());
  }
  EXPECT_EQ(seen, ids);
  // Two lines for all: the third rollout comes without.
  request = {};
  request.set_most_devices(2);
  admin::v1::ListRolloutsResponse response;
  Context context;
  ASSERT_TRUE(admin().ListRollouts(&context, request, &response).ok());
  ASSERT_EQ(response.rollouts_size(), 3);
  EXPECT_FALSE(response.rollouts(1).devices_left_out());
  EXPECT_TRUE(response.rollouts(2).devices_left_out());
}

}  // namespace
}  // namespace linnet::coordinator
