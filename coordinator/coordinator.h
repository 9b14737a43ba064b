#ifndef LINNET_COORDINATOR_COORDINATOR_H_
#define LINNET_COORDINATOR_COORDINATOR_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"

namespace linnet::coordinator {

struct CoordinatorConfig {
  std::string site_dir;                   // what `linnet site init` made for this machine
  std::string state_dir;                  // ours; made if it is not there
  std::string listen = "127.0.0.1:7300";  // for devices
  std::string admin = "127.0.0.1:7310";   // for operators
  std::string advertise;                  // HOST:PORT that tokens name; empty: `listen`
  uint32_t check_in_seconds = 900;
  int max_devices = 1024;  // connections at a time
  bool reflection = false;
  std::string version = "0";
};

// A whole coordinator: both servers, the databases, the published repository.
class Coordinator {
 public:
  // Serves when it returns. Errors name the folder, file or address and what to do. `fs` and `clock` outlive
  // it.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Start(CoordinatorConfig config, base::FileSystem& fs,
                                                            const base::Clock& clock);
  virtual ~Coordinator() = default;  // ends calls, stores what is unsaved

  virtual const std::string& fleet_address() const = 0;  // with the real port
  virtual const std::string& admin_address() const = 0;
  virtual uint64_t chunk_bytes_sent() const = 0;  // to devices, since it started
  // What the coordinator does by the clock: refreshes the timestamp, opens waves whose soak is over. It runs
  // by itself; tests with a clock of their own call it. Returns when it wants to run again.
  virtual absl::Duration Tick() = 0;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_COORDINATOR_H_
