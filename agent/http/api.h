#ifndef LINNET_AGENT_HTTP_API_H_
#define LINNET_AGENT_HTTP_API_H_

#include <string>

#include "agent/device/generator.h"
#include "agent/device/model_slot.h"
#include "agent/device/worker_pool.h"
#include "agent/http/http_server.h"
#include "agent/owner/owner.h"
#include "runtime/base/clock.h"

namespace linnet::http {

// What the API works with; all outlive the server and the last answer.
struct ApiParts {
  const owner::Owner& owner;
  device::Generator& generator;
  device::ModelSlot& models;
  device::WorkerPool& workers;
  const base::Clock& clock;
  std::string version;
};

// The HTTP API of a device, for unmodified OpenAI clients:
//   POST /v1/chat/completions   scope ask; JSON or server-sent events
//   GET  /v1/models, /v1/models/NAME   scope ask
//   GET  /health                no grant needed: says that the agent runs and whether it has a model
// Grants come as "Authorization: Bearer TOKEN". A deadline may come as x-linnet-deadline-ms, or from the
// stock clients' x-stainless-timeout (seconds). A client that goes ends its generation.
Handler MakeApi(ApiParts parts);

}  // namespace linnet::http

#endif  // LINNET_AGENT_HTTP_API_H_
