#ifndef LINNET_RUNTIME_BASE_HUGE_PAGES_H_
#define LINNET_RUNTIME_BASE_HUGE_PAGES_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"

// Linux gives huge pages (2 MiB) to anonymous memory, not to a file's mapping. Weights are read from one end
// to the other for each token: in small pages every 4 KiB of them costs a walk through the page tables, and
// in a virtual machine through those of the host for each step of it.
namespace linnet::base {

// The file's bytes in memory of the process, read-only, in huge pages as far as the system has them: it takes
// as long as reading the file, and the memory cannot be given up for other uses as a mapping's can. What the
// disk's cache keeps of the file it gives up when memory is wanted. Errors: those of FileSystem::Map;
// ResourceExhausted: there is no memory.
absl::StatusOr<std::unique_ptr<MappedFile>> ReadIntoHugePages(const std::string& path);

// Whether that is a good trade here: a file of this size is worth it, the system gives huge pages to who
// asks, and three times as much memory stays available.
bool HugePagesPay(uint64_t size_bytes);

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_HUGE_PAGES_H_
