#ifndef LINNET_RUNTIME_PACK_LOCAL_PACK_H_
#define LINNET_RUNTIME_PACK_LOCAL_PACK_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/pack/pack_writer.h"

namespace linnet::pack {

// What is shipped: "MODEL.gguf" -> "MODEL.linnet".
std::string PackNameOf(const std::string& gguf);

// Where a pack is kept beside that of the user: an agent's own.
std::string PacksOfState(const std::string& state_dir);

// Packs of this machine's own GGUF files: MODEL.gguf.pack beside the file, else in a folder for them. They
// are a faster form of a file that is there; one that is damaged, or of other bytes than the file has now, is
// passed over.
class LocalPacks {
 public:
  // `cache`: that folder, made when it is needed; empty: there is none.
  LocalPacks(base::FileSystem& fs, std::string cache) : fs_(fs), cache_(std::move(cache)) {}
  // The user's: $XDG_CACHE_HOME/linnet/packs, else below ~/.cache.
  static std::string UserCache();

  struct Found {
    std::string path;                // a pack, or the GGUF
    std::vector<std::string> notes;  // why a pack was passed over, a line each
  };
  // A pack says which file it was made of, and in which state (PackSource::stamp). Where that does not fit,
  // the GGUF is read and its hash decides.
  Found Find(const std::string& gguf) const;

  struct Imported {
    std::string path;
    PackReport report;
  };
  // Packs it beside the file, or in the cache where that may not be written; an older pack is replaced.
  // Errors: those of Pack.
  absl::StatusOr<Imported> Import(const std::string& gguf,
                                  std::function<void(uint64_t, uint64_t)> progress) const;
  // The same into the folder, wherever else it might be written.
  absl::StatusOr<Imported> ImportIntoCache(const std::string& gguf,
                                           std::function<void(uint64_t, uint64_t)> progress) const;

 private:
  std::vector<std::string> PlacesOf(const std::string& gguf) const;

  base::FileSystem& fs_;
  const std::string cache_;
};

}  // namespace linnet::pack

#endif  // LINNET_RUNTIME_PACK_LOCAL_PACK_H_
