#include "agent/sensors/ingest.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/sensors/features.h"
#include "runtime/base/status_macros.h"

namespace linnet::sensors {
namespace {

constexpr size_t kMaxChannelBytes = 64;
constexpr size_t kMaxUnitBytes = 16;
constexpr size_t kMinWindow = 32;

absl::Status CheckNames(const Reading& reading) {
  if (reading.channel.empty() || reading.channel.size() > kMaxChannelBytes) {
    return absl::InvalidArgumentError(absl::StrCat("channel name has ", reading.channel.size(),
                                                   " bytes, expected 1 to ", kMaxChannelBytes));
  }
  for (const char c : reading.channel) {
    if (!std::isalnum(static_cast<unsigned char>(c)) &&
        std::string_view("_.:/-").find(c) == std::string_view::npos) {
      return absl::InvalidArgumentError(
          "channel name holds a character other than letters, digits and _ . : / -");
    }
  }
  if (reading.unit.size() > kMaxUnitBytes) {
    return absl::InvalidArgumentError(absl::StrCat(reading.channel, ": unit has ", reading.unit.size(),
                                                   " bytes, expected at most ", kMaxUnitBytes));
  }
  for (const char c : reading.unit) {
    // Units stand in texts and prompts: no braces (slots), no line ends.
    if (static_cast<unsigned char>(c) < 0x20 || c == '{' || c == '}' || c == '"' || c == '\\' || c == '<') {
      return absl::InvalidArgumentError(
          absl::StrCat(reading.channel, ": unit holds a character that units do not have"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

Ingest::Ingest(const IngestOptions& options) : options_(options) {}

absl::StatusOr<Ingest::Channel*> Ingest::Find(const Reading& reading) {
  const auto known = channels_.find(reading.channel);
  if (known != channels_.end()) return known->second.get();
  LINNET_RETURN_IF_ERROR(CheckNames(reading));
  if (!std::isfinite(reading.value)) {
    return absl::InvalidArgumentError(
        absl::StrCat(reading.channel, ": the first value is not a finite number"));
  }
  if (channels_.size() >= options_.max_channels) {
    return absl::ResourceExhaustedError(absl::StrCat("channel ", reading.channel,
                                                     " would be one more than the ", options_.max_channels,
                                                     " that this device keeps"));
  }
  auto channel =
      std::make_unique<Channel>(Channel{Detector(reading.channel, reading.unit, options_.detector), reading});
  return channels_.emplace(reading.channel, std::move(channel)).first->second.get();
}

absl::StatusOr<std::vector<Event>> Ingest::AddLocked(const Reading& reading) {
  LINNET_ASSIGN_OR_RETURN(Channel * channel, Find(reading));
  LINNET_ASSIGN_OR_RETURN(std::vector<Event> events, channel->detector.Add(reading));
  channel->last = reading;
  return events;
}

absl::StatusOr<std::vector<Event>> Ingest::Add(const Reading& reading) {
  base::MutexLock lock(mutex_);
  return AddLocked(reading);
}

absl::StatusOr<std::vector<Event>> Ingest::AddWaveform(std::string_view channel, std::string_view unit,
                                                       absl::Time end, const std::vector<double>& samples) {
  if (samples.size() < kMinWindow) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(channel), ": a window of ", samples.size(),
                                                   " samples, expected at least ", kMinWindow));
  }
  WindowAccumulator window;
  for (const double sample : samples) {
    if (!std::isfinite(sample)) {
      return absl::InvalidArgumentError(
          absl::StrCat(std::string(channel), ": a sample is not a finite number"));
    }
    window.Add(sample);
  }
  const WindowFeatures features = window.Finish();
  const std::pair<const char*, double> made[] = {
      {"_rms", features.rms}, {"_peak", features.peak}, {"_kurtosis", features.kurtosis}};
  std::vector<Event> events;
  base::MutexLock lock(mutex_);
  for (const auto& [suffix, value] : made) {
    Reading reading;
    reading.channel = absl::StrCat(std::string(channel), suffix);
    reading.time = end;
    reading.value = RoundForDisplay(value);
    if (std::string_view(suffix) != "_kurtosis") reading.unit = std::string(unit);
    LINNET_ASSIGN_OR_RETURN(const std::vector<Event> more, AddLocked(reading));
    events.insert(events.end(), more.begin(), more.end());
  }
  return events;
}

std::vector<ChannelStatus> Ingest::Channels() const {
  base::MutexLock lock(mutex_);
  std::vector<ChannelStatus> all;
  for (const auto& [name, channel] : channels_) {
    const Detector& detector = channel->detector;
    ChannelStatus status;
    status.channel = name;
    status.unit = detector.unit();
    status.info = detector.info();
    status.last = channel->last;
    status.readings = detector.readings();
    status.warmed_up = detector.warmed_up();
    status.baseline = RoundForDisplay(detector.baseline());
    status.spread = RoundForDisplay(detector.spread());
    status.last_z = detector.last_z();
    status.abnormal = detector.ongoing().has_value();
    all.push_back(std::move(status));
  }
  return all;
}

std::vector<Anomaly> Ingest::Ongoing() const {
  std::vector<Anomaly> all;
  {
    base::MutexLock lock(mutex_);
    for (const auto& [name, channel] : channels_) {
      if (channel->detector.ongoing().has_value()) all.push_back(*channel->detector.ongoing());
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Anomaly& a, const Anomaly& b) {
    return a.severity != b.severity ? a.severity > b.severity : a.start < b.start;
  });
  return all;
}

absl::Status Ingest::Replay(const std::vector<Reading>& readings) {
  base::MutexLock lock(mutex_);
  for (const Reading& reading : readings) {
    LINNET_RETURN_IF_ERROR(AddLocked(reading).status());
  }
  return absl::OkStatus();
}

}  // namespace linnet::sensors
