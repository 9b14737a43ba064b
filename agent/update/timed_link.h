#ifndef LINNET_AGENT_UPDATE_TIMED_LINK_H_
#define LINNET_AGENT_UPDATE_TIMED_LINK_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/update/link.h"
#include "runtime/base/clock.h"

namespace linnet::update {

// Another link, until its time is over: each call has an end of its own, and this gives all together one, so
// that a coordinator which answers slowly, again and again, holds up nothing. DeadlineExceeded from then on.
class TimedLink final : public Link, private trust::MetadataFetcher, private chunks::ChunkSource {
 public:
  // `link` and `clock` outlive it. The time begins now; a clock that is set back begins it anew.
  TimedLink(Link& link, const base::Clock& clock, absl::Duration most)
      : link_(link), clock_(clock), most_(most), begun_(clock.Now()) {}

  absl::StatusOr<Credentials> credentials() override { return link_.credentials(); }
  absl::StatusOr<CheckInAnswer> CheckIn(const CheckInFacts& facts) override;
  absl::Status Report(const OutcomeReport& report) override;
  absl::StatusOr<LogAnswer> ShowLog(const LogQuestion& question) override;
  trust::MetadataFetcher& metadata() override { return *this; }
  chunks::ChunkSource& chunks() override { return *this; }

 private:
  absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t max_bytes) override;
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view sha256, std::string_view data)>& on_chunk) override;
  absl::Status InTime();

  Link& link_;
  const base::Clock& clock_;
  const absl::Duration most_;
  absl::Time begun_;
};

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_TIMED_LINK_H_
