#ifndef LINNET_AGENT_GRPC_AGENT_SERVICE_H_
#define LINNET_AGENT_GRPC_AGENT_SERVICE_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "agent/device/generator.h"
#include "agent/device/local_device.h"
#include "agent/device/model_slot.h"
#include "agent/device/worker_pool.h"
#include "agent/fleet/fleet_agent.h"
#include "agent/owner/owner.h"
#include "runtime/base/clock.h"
#include "runtime/base/mutex.h"
#include "storage/repo/state_database.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace linnet::agent_grpc {

// Where the doors are, once they are open. Thread-safe.
class Doors {
 public:
  void Set(std::string grpc_address, std::string http_address) {
    base::MutexLock lock(mutex_);
    grpc_ = std::move(grpc_address);
    http_ = std::move(http_address);
  }
  std::string grpc_address() const {
    base::MutexLock lock(mutex_);
    return grpc_;
  }
  std::string http_address() const {
    base::MutexLock lock(mutex_);
    return http_;
  }

 private:
  mutable base::Mutex mutex_;
  std::string grpc_ ABSL_GUARDED_BY(mutex_), http_ ABSL_GUARDED_BY(mutex_);
};

// What the service works with; all outlive the server.
struct ServiceParts {
  owner::Owner& owner;
  device::LocalDevice& device;
  device::Generator& generator;
  device::ModelSlot& models;
  device::WorkerPool& workers;
  fleet::FleetAgent& fleet;
  repo::StateDatabase& state;
  const Doors& doors;
  const base::Clock& clock;
  std::string version, device_id /* 16 bytes */, kernel_set;
  absl::Time started;
};

// Who is behind a door before anything is shown.
enum class Door {
  kUnixSocket,  // the local user, by the socket's file permission: all scopes
  kTls,         // nobody: a client certificate of the owner's, or "authorization: Bearer TOKEN"
};

// linnet.agent.v1 behind one door (agent.proto says each call's scope). Reactors never block: authorisation
// and work run on the pool; when that is full, calls end with RESOURCE_EXHAUSTED.
std::unique_ptr<grpc::Service> MakeAgentService(const ServiceParts& parts, Door door);

}  // namespace linnet::agent_grpc

#endif  // LINNET_AGENT_GRPC_AGENT_SERVICE_H_
