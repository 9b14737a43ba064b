#ifndef LINNET_RUNTIME_BASE_TPM_CONNECTION_H_
#define LINNET_RUNTIME_BASE_TPM_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

// Inside of tpm.cc: bytes to a TPM and back. Everything is big-endian; a TPM2B is a 16-bit size and as many
// bytes.
namespace linnet::base {

std::string TpmU16(uint32_t value);
std::string TpmU32(uint32_t value);
std::string Tpm2b(std::string_view bytes);  // with its size in front

// Reads an answer from the front. What is asked for beyond its end is empty or 0, and makes ok() false.
class TpmReader {
 public:
  explicit TpmReader(std::string_view bytes) : bytes_(bytes) {}
  uint32_t U16() { return Number(2); }
  uint32_t U32() { return Number(4); }
  std::string_view Take(size_t size);
  std::string_view Sized() { return Take(U16()); }  // a TPM2B's content
  bool ok() const { return ok_; }
  size_t left() const { return bytes_.size(); }

 private:
  uint32_t Number(int size);
  std::string_view bytes_;
  bool ok_ = true;
};

// One conversation with the TPM at a path; closed, and with the resource manager also emptied, at its end.
class TpmConnection {
 public:
  static absl::StatusOr<TpmConnection> Open(const std::string& path, absl::Duration patience);
  ~TpmConnection();
  TpmConnection(TpmConnection&& other) noexcept;
  TpmConnection& operator=(TpmConnection&&) = delete;

  // A command on `handle`, authorised by an empty password. Returns what follows the answer's parameter
  // size; `object`, when asked for, takes the handle that comes before it. A TPM that says "again" is asked
  // again.
  absl::StatusOr<std::string> Run(uint32_t command, uint32_t handle, std::string_view parameters,
                                  uint32_t* object = nullptr);
  // The primary key of the owner hierarchy, or a child, leaves the TPM's few slots.
  void Flush(uint32_t object);

 private:
  TpmConnection(int fd, std::string path, absl::Time until)
      : fd_(fd), path_(std::move(path)), until_(until) {}
  absl::StatusOr<std::string> Exchange(std::string_view command);
  absl::Status Wait(short events);
  absl::Status Gone(std::string_view what) const;

  int fd_;
  std::string path_;
  absl::Time until_;
};

// An error that Tpm::FailedAt knows.
absl::Status TpmError(absl::StatusCode code, const std::string& message);

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_TPM_CONNECTION_H_
