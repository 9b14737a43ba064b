#include "deploy/cli/site_lists.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "runtime/base/status_macros.h"

namespace linnet::cli {
namespace {

constexpr uint32_t kDevicesInPage = 2'000;
constexpr uint32_t kRolloutsInPage = 500;
constexpr int kMostPages = 5'000;  // ten million devices
constexpr int kPageSeconds = 20;

// Calls `page(token)`, which returns the next token or an error, until there is none.
template <typename Page>
absl::Status EachPage(const Page& page) {
  std::string token;
  for (int i = 0; i < kMostPages; ++i) {
    LINNET_ASSIGN_OR_RETURN(std::string next, page(token));
    if (next.empty()) return absl::OkStatus();
    if (next == token) return absl::DataLossError("coordinator: says that a page follows itself");
    token = std::move(next);
  }
  return absl::ResourceExhaustedError("coordinator: its list does not end");
}

template <typename Item>
void Move(google::protobuf::RepeatedPtrField<Item>& from, google::protobuf::RepeatedPtrField<Item>& to) {
  std::move(from.begin(), from.end(), google::protobuf::RepeatedFieldBackInserter(&to));
}

}  // namespace

absl::StatusOr<admin::v1::ListDevicesResponse> AllDevices(const Coordinator& coordinator) {
  admin::v1::ListDevicesResponse all;
  const auto next_page = [&](const std::string& token) -> absl::StatusOr<std::string> {
    admin::v1::ListDevicesRequest request;
    request.set_page_size(kDevicesInPage);
    request.set_page_token(token);
    admin::v1::ListDevicesResponse page;
    LINNET_RETURN_IF_ERROR(CallStatus(
        coordinator.stub->ListDevices(CallContext(kPageSeconds).get(), request, &page), "coordinator"));
    Move(*page.mutable_devices(), *all.mutable_devices());
    return page.next_page_token();
  };
  LINNET_RETURN_IF_ERROR(EachPage(next_page));
  std::sort(all.mutable_devices()->begin(), all.mutable_devices()->end(), [](const auto& a, const auto& b) {
    return std::forward_as_tuple(a.enrolled_unix_micros(), a.name()) <
           std::forward_as_tuple(b.enrolled_unix_micros(), b.name());
  });
  return all;
}

absl::StatusOr<admin::v1::ListRolloutsResponse> AllRollouts(const Coordinator& coordinator) {
  admin::v1::ListRolloutsResponse all;
  const auto next_page = [&](const std::string& token) -> absl::StatusOr<std::string> {
    admin::v1::ListRolloutsRequest request;
    request.set_most_devices(0);
    request.set_page_size(kRolloutsInPage);
    request.set_page_token(token);
    admin::v1::ListRolloutsResponse page;
    LINNET_RETURN_IF_ERROR(CallStatus(
        coordinator.stub->ListRollouts(CallContext(kPageSeconds).get(), request, &page), "coordinator"));
    Move(*page.mutable_rollouts(), *all.mutable_rollouts());
    return page.next_page_token();
  };
  LINNET_RETURN_IF_ERROR(EachPage(next_page));
  return all;
}

absl::StatusOr<admin::v1::Rollout> FindRollout(const Coordinator& coordinator, const std::string& id,
                                               uint32_t most_devices) {
  const auto call = CallContext(kPageSeconds);
  admin::v1::WatchRolloutRequest request;
  request.set_rollout_id(id);
  request.set_most_devices(most_devices);
  const auto reader = coordinator.stub->WatchRollout(call.get(), request);
  admin::v1::Rollout rollout;
  const bool read = reader->Read(&rollout);
  if (read) call->TryCancel();  // the first message is all that is asked for
  const grpc::Status status = reader->Finish();
  if (!read) return CallStatus(status, "coordinator");
  return rollout;
}

absl::Status FillLines(const Coordinator& coordinator, admin::v1::Rollout& rollout, bool reported) {
  if (!rollout.devices_left_out()) return absl::OkStatus();
  const auto next_page = [&](const std::string& token) -> absl::StatusOr<std::string> {
    admin::v1::ListProgressRequest request;
    request.set_rollout_id(rollout.id());
    request.set_page_size(kDevicesInPage);
    request.set_page_token(token);
    request.set_reported(reported);
    admin::v1::ListProgressResponse page;
    LINNET_RETURN_IF_ERROR(CallStatus(
        coordinator.stub->ListProgress(CallContext(kPageSeconds).get(), request, &page), "coordinator"));
    Move(*page.mutable_devices(), *rollout.mutable_devices());
    return page.next_page_token();
  };
  LINNET_RETURN_IF_ERROR(EachPage(next_page));
  rollout.set_devices_left_out(false);
  return absl::OkStatus();
}

}  // namespace linnet::cli
