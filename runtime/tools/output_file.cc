#include "runtime/tools/output_file.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::tools {
namespace {

std::string FolderOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

absl::Status CheckOutput(base::FileSystem& fs, const OutputFile& output,
                         const std::vector<std::string>& inputs) {
  const auto there = fs.Stat(output.path);
  if (absl::IsNotFound(there.status())) return fs.Stat(FolderOf(output.path)).status();
  LINNET_RETURN_IF_ERROR(there.status());
  if (there->is_directory) {
    return absl::InvalidArgumentError(
        absl::StrCat(output.path, ": is a folder; name the file that is to be written"));
  }
  for (const std::string& input : inputs) {
    const auto other = fs.Stat(input);
    if (other.ok() && other->device == there->device && other->inode == there->inode) {
      return absl::InvalidArgumentError(
          absl::StrCat(output.path, ": is the input too; name another file for the output"));
    }
  }
  if (output.replace) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(output.path, ": is there already; --force replaces it"));
}

absl::Status WriteModel(base::FileSystem& fs, const gguf::GgufWriter& writer, const OutputFile& output) {
  LINNET_ASSIGN_OR_RETURN(const uint64_t bytes, writer.SizeBytes());
  LINNET_ASSIGN_OR_RETURN(const uint64_t free, fs.FreeBytes(FolderOf(output.path)));
  if (bytes > free) {
    return absl::ResourceExhaustedError(absl::StrCat(output.path, ": needs ", bytes >> 20,
                                                     " MiB, but the disk has ", free >> 20,
                                                     " MiB free; make room or name another place"));
  }
  LINNET_ASSIGN_OR_RETURN(const auto file, fs.CreateUnpublished(output.path));
  LINNET_RETURN_IF_ERROR(writer.WriteTo(*file));
  return file->Publish(output.replace);
}

}  // namespace linnet::tools
