#ifndef LINNET_RUNTIME_ENGINE_PREFIX_KEY_H_
#define LINNET_RUNTIME_ENGINE_PREFIX_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/lora.h"

namespace linnet::engine {

// Everything beside the tokens that decides the bits of keys and values. Instruction set, threads and chunks
// do not (runtime/NUMERICS.md).
using PrefixKey = base::Sha256Digest;

// Which bytes a model file has, without reading all of them. A packed file's header has the digest of
// everything in it. A GGUF is taken to be the same while device, inode, time, size, its beginning and pieces
// throughout it are. Errors: those of FileSystem.
absl::StatusOr<base::Sha256Digest> IdentityOfModel(base::FileSystem& fs, const std::string& path);

// `kv`: one of the sessions'. Its capacity counts too, because some files have other RoPE factors for long
// sessions. `adapter`: null: none. This program's version counts, because another may round otherwise.
PrefixKey PrefixKeyOf(const base::Sha256Digest& model, const model::KvShape& kv,
                      const model::LoraAdapter* adapter);

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_PREFIX_KEY_H_
