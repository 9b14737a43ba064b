#ifndef LINNET_RUNTIME_NET_TLS_ENGINE_H_
#define LINNET_RUNTIME_NET_TLS_ENGINE_H_

#include <string>

#include "runtime/base/keys.h"

namespace linnet::net {

// gRPC 1.51 takes a private key as PEM, or as "engine:ID:KEY", a key that an OpenSSL engine has. This is such
// an engine, in this process: its keys are those in hardware that were named here, and TLS signs with
// HardwareKey::SignDigest. Returns what gRPC takes in the place of PEM; nothing secret.
//
// A name is good for the life of the process, and each key has one: gRPC asks again with each connection. A
// device uses a new key every two or three weeks. Thread-safe.
std::string EngineNameOf(const base::PrivateKey& key);

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_TLS_ENGINE_H_
