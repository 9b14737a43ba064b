#ifndef LINNET_AGENT_SENSORS_INGEST_H_
#define LINNET_AGENT_SENSORS_INGEST_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/sensors/anomaly.h"
#include "agent/sensors/detector.h"
#include "runtime/base/mutex.h"

namespace linnet::sensors {

struct IngestOptions {
  DetectorOptions detector;
  uint32_t max_channels = 256;
};

struct ChannelStatus {
  std::string channel, unit;
  ChannelInfo info;
  Reading last;
  uint64_t readings = 0;
  bool warmed_up = false;
  double baseline = 0, spread = 0, last_z = 0;
  bool abnormal = false;
};

// All channels of a device: one detector each, made when a channel's first reading arrives. Thread-safe.
class Ingest {
 public:
  explicit Ingest(const IngestOptions& options);

  // InvalidArgument: those of Detector::Add, a bad channel name, a unit that is too long. ResourceExhausted:
  // more channels than `max_channels`. A refused reading changes nothing.
  absl::StatusOr<std::vector<Event>> Add(const Reading& reading);

  // A window of a raw waveform of `channel` ("vibration_x"), evenly spaced, ending at `end`: becomes one
  // reading each of <channel>_rms, <channel>_peak and <channel>_kurtosis. At least 32 samples.
  absl::StatusOr<std::vector<Event>> AddWaveform(std::string_view channel, std::string_view unit,
                                                 absl::Time end, const std::vector<double>& samples);

  std::vector<ChannelStatus> Channels() const;
  // Ongoing ones, by severity, then start.
  std::vector<Anomaly> Ongoing() const;
  // Puts back what a restart lost: the channel's detector takes up stored readings without reporting.
  absl::Status Replay(const std::vector<Reading>& readings);

 private:
  struct Channel {
    Detector detector;
    Reading last;
  };

  absl::StatusOr<Channel*> Find(const Reading& reading) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::vector<Event>> AddLocked(const Reading& reading) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  IngestOptions options_;
  mutable base::Mutex mutex_;
  std::map<std::string, std::unique_ptr<Channel>> channels_ ABSL_GUARDED_BY(mutex_);
};

// One line "time,channel,unit,value" (header lines and empty lines give nullopt). Time: RFC 3339,
// "YYYY-MM-DD HH:MM:SS" (UTC) or seconds since 1970. InvalidArgument says what is wrong with which field.
absl::StatusOr<std::optional<Reading>> ParseCsvLine(std::string_view line);

}  // namespace linnet::sensors

#endif  // LINNET_AGENT_SENSORS_INGEST_H_
