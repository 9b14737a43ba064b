#ifndef LINNET_AGENT_CONFIG_H_
#define LINNET_AGENT_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace linnet::agent {

// Settings of one agent. Each is a flag (--state-dir), an environment variable (LINNET_STATE_DIR) and a key
// of the TOML file (state-dir); the first of these three that says something holds.
struct Config {
  std::string state_dir = "/var/lib/linnet";  // else $LINNET_HOME
  std::string name;                           // of the device; empty: as before, or made up
  std::string token;                          // one-time enrolment token; empty: join nothing
  std::string listen = "127.0.0.1:7400";      // gRPC with TLS; "off"
  std::string http = "127.0.0.1:7401";        // HTTP, loopback only; "off"
  std::string model;                          // this GGUF file, and no other; empty: what was rolled out
  std::string ready_file;                     // addresses are written there when all doors are open
  uint32_t check_in_seconds = 900;
  uint32_t threads = 0;                   // of inference; 0: as many as are fastest here
  uint32_t context_tokens = 0;            // 0: the model's own, at most 4,096
  std::string kv = "auto";                // how keys and values are kept: "auto", or as kernels/kv_types.h
  std::string huge_pages = "auto";        // models are read into huge pages: "auto" (where it pays), "off"
  uint32_t prefix_cache_mib = 64;         // of prompts' keys and values kept, sealed; 0: none
  uint32_t readings_mib = 64;             // of sensor readings kept
  uint32_t readings_days = 180;           // of sensor readings kept
  uint32_t uplink_kib_a_day = 64;         // to the coordinator, beside what an update needs
  uint32_t download_kib_a_second = 0;     // from the coordinator, of models; 0: as fast as it comes
  uint32_t max_connections = 64;          // at each door
  std::string peers = "auto";             // fetch from and serve the fleet: "auto", "on", "off", HOST:PORT
  uint32_t peer_upload_kib_a_second = 0;  // to them all; 0: no limit
  std::string identity_key = "file";      // where new keys of the fleet are made: "file", "tpm2", "auto"
  std::string user_key = "file";          // where the key of the owner's data is kept: as above
  std::string tpm = "/dev/tpmrm0";        // of these two, and of keys that are in it already
  bool reflection = false;                // gRPC reflection
};

// linnet-agent update: install from a bundle, then end.
struct UpdateFrom {
  std::string dir;
  std::string root_sha256_hex;  // 64 digits, or empty
  bool json = false;
};

// What the program shall do with its arguments.
struct Invocation {
  Config config;
  std::optional<UpdateFrom> update;
  std::string show;  // not empty: print this (help, version) and end with 0
};

// InvalidArgument: unknown flag, key or value (one line that says which); NotFound or DataLoss: the TOML
// file.
absl::StatusOr<Invocation> ParseArguments(int argc, const char* const* argv, const std::string& version);

}  // namespace linnet::agent

#endif  // LINNET_AGENT_CONFIG_H_
