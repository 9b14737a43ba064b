#include "runtime/base/tpm_connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "runtime/base/status_macros.h"

namespace linnet::base {
namespace {

constexpr uint32_t kNoSessions = 0x8001, kSessions = 0x8002;  // TPM_ST_...
constexpr uint32_t kFlushContext = 0x165;                     // TPM_CC_FlushContext
constexpr uint32_t kPassword = 0x40000009;                    // TPM_RS_PW
constexpr size_t kHeaderBytes = 10;
constexpr size_t kMaxAnswerBytes = 4096;  // TPM_PT_MAX_RESPONSE_SIZE of every TPM seen
constexpr int kMostTries = 8;
constexpr absl::Duration kFirstPause = absl::Milliseconds(20);

// Part 2, 6.6.3: errors of format one carry the number of what was wrong.
uint32_t Base(uint32_t code) { return (code & 0x80) != 0 ? (code & 0x3f) | 0x80 : code; }

bool SaysAgain(uint32_t code) {
  // RETRY, YIELDED, CANCELED, TESTING, NV_RATE.
  return code == 0x922 || code == 0x908 || code == 0x909 || code == 0x90a || code == 0x920;
}

absl::Status Refusal(const std::string& path, uint32_t command, uint32_t code) {
  const auto error = [&](absl::StatusCode status, std::string_view what) {
    return TpmError(status, absl::StrCat(path, ": ", std::string(what)));
  };
  switch (Base(code)) {
    case 0x902:  // OBJECT_MEMORY
    case 0x903:  // SESSION_MEMORY
    case 0x904:  // MEMORY
      return error(
          absl::StatusCode::kUnavailable,
          "the TPM has no room for a key now; other programs fill it (use the kernel's /dev/tpmrm0)");
    case 0x9f:  // INTEGRITY
      return error(absl::StatusCode::kPermissionDenied,
                   "the key is not of this TPM, or the TPM was cleared since it was made");
    case 0x8e:  // AUTH_FAIL
    case 0xa2:  // BAD_AUTH
      return error(absl::StatusCode::kPermissionDenied,
                   "the TPM's owner hierarchy has a password; keys can be kept where it has none");
    case 0x85:  // HIERARCHY
      return error(absl::StatusCode::kPermissionDenied, "the TPM's owner hierarchy is switched off");
    case 0x921:  // LOCKOUT
      return error(absl::StatusCode::kUnavailable, "the TPM is locked after wrong passwords");
    case 0x100:  // INITIALIZE
      return error(absl::StatusCode::kUnavailable, "the TPM was not started by the firmware");
    default:
      if (SaysAgain(code)) return error(absl::StatusCode::kUnavailable, "the TPM is busy");
      return TpmError(absl::StatusCode::kInternal,
                      absl::StrFormat("%s: the TPM answers error 0x%x to command 0x%x", path, code, command));
  }
}

absl::Status NotOpened(const std::string& path, int error) {
  const std::string reason = std::strerror(error);
  if (error == EACCES || error == EPERM) {
    return TpmError(
        absl::StatusCode::kPermissionDenied,
        absl::StrCat(path, ": this user may not use the TPM (", reason, "); on Debian, the group tss may"));
  }
  return TpmError(absl::StatusCode::kUnavailable,
                  absl::StrCat(path,
                               error == EBUSY ? ": the TPM is in use by another program ("
                                              : ": no TPM can be reached there (",
                               reason, ")"));
}

}  // namespace

std::string TpmU16(uint32_t value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}
std::string TpmU32(uint32_t value) { return TpmU16(value >> 16) + TpmU16(value & 0xffff); }
std::string Tpm2b(std::string_view bytes) {
  LINNET_CHECK(bytes.size() <= 0xffff);
  return TpmU16(static_cast<uint32_t>(bytes.size())).append(bytes);
}

std::string_view TpmReader::Take(size_t size) {
  if (size > bytes_.size()) {
    ok_ = false;
    bytes_ = {};
    return {};
  }
  const std::string_view taken = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
  return taken;
}

uint32_t TpmReader::Number(int size) {
  uint32_t value = 0;
  for (const char c : Take(static_cast<size_t>(size))) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

absl::Status TpmError(absl::StatusCode code, const std::string& message) {
  absl::Status status(code, message);
  status.SetPayload("linnet/tpm", absl::Cord());
  return status;
}

absl::StatusOr<TpmConnection> TpmConnection::Open(const std::string& path, absl::Duration patience) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return NotOpened(path, errno);
  int fd = -1;
  if (S_ISSOCK(info.st_mode)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return NotOpened(path, ENAMETOOLONG);
    std::copy(path.begin(), path.end(), address.sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      const int error = errno;
      close(fd);
      return NotOpened(path, error == EAGAIN ? EBUSY : error);
    }
  } else if (S_ISCHR(info.st_mode)) {
    fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  } else {
    return NotOpened(path, ENODEV);
  }
  if (fd < 0) return NotOpened(path, errno);
  return TpmConnection(fd, path, absl::Now() + patience);
}

TpmConnection::TpmConnection(TpmConnection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), until_(other.until_) {}

TpmConnection::~TpmConnection() {
  if (fd_ >= 0) close(fd_);
}

absl::Status TpmConnection::Gone(std::string_view what) const {
  return TpmError(absl::StatusCode::kUnavailable, absl::StrCat(path_, ": the TPM ", std::string(what)));
}

absl::Status TpmConnection::Wait(short events) {
  while (true) {
    const absl::Duration left = until_ - absl::Now();
    if (left <= absl::ZeroDuration()) return Gone("does not answer (busy?)");
    pollfd entry{.fd = fd_, .events = events, .revents = 0};
    const int ready = poll(&entry, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    if (ready < 0 && errno != EINTR) return Gone(std::strerror(errno));
    if (ready > 0) return absl::OkStatus();
  }
}

absl::StatusOr<std::string> TpmConnection::Exchange(std::string_view command) {
  // A device takes a command in one piece; a socket might not.
  while (!command.empty()) {
    LINNET_RETURN_IF_ERROR(Wait(POLLOUT));
    // MSG_NOSIGNAL is for sockets only; programs here ignore SIGPIPE, tests may not.
    ssize_t n = send(fd_, command.data(), command.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK) n = write(fd_, command.data(), command.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return Gone("took no command");
    command.remove_prefix(static_cast<size_t>(n));
  }
  std::string answer;
  size_t size = kHeaderBytes;
  while (answer.size() < size) {
    LINNET_RETURN_IF_ERROR(Wait(POLLIN));
    char part[kMaxAnswerBytes];
    const ssize_t n = read(fd_, part, sizeof part);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return Gone("ended the conversation");
    answer.append(part, static_cast<size_t>(n));
    if (answer.size() < kHeaderBytes) continue;
    TpmReader header(answer);
    header.U16();
    size = header.U32();
    if (size < kHeaderBytes || size > kMaxAnswerBytes || answer.size() > size) {
      return TpmError(absl::StatusCode::kInternal, absl::StrCat(path_, ": what answers there is no TPM"));
    }
  }
  return answer;
}

absl::StatusOr<std::string> TpmConnection::Run(uint32_t command, uint32_t handle, std::string_view parameters,
                                               uint32_t* object) {
  // TPMS_AUTH_COMMAND: an empty nonce, no attributes, an empty password.
  const std::string authorisation = TpmU32(kPassword) + TpmU16(0) + std::string(1, '\0') + TpmU16(0);
  const std::string body = absl::StrCat(TpmU32(command), TpmU32(handle),
                                        TpmU32(static_cast<uint32_t>(authorisation.size())), authorisation)
                               .append(parameters);
  const std::string message =
      absl::StrCat(TpmU16(kSessions), TpmU32(static_cast<uint32_t>(body.size() + 6)), body);
  absl::Duration pause = kFirstPause;
  for (int tries = 1;; ++tries, pause *= 2) {
    LINNET_ASSIGN_OR_RETURN(const std::string answer, Exchange(message));
    TpmReader in(answer);
    const uint32_t tag = in.U16();
    in.U32();
    const uint32_t code = in.U32();
    if (SaysAgain(code) && tries < kMostTries && absl::Now() + pause < until_) {
      absl::SleepFor(pause);
      continue;
    }
    if (code != 0) return Refusal(path_, command, code);
    if (object != nullptr) *object = in.U32();
    const std::string result(in.Take(in.U32()));
    if (in.ok() && tag == kSessions) return result;
    return TpmError(absl::StatusCode::kInternal, absl::StrCat(path_, ": the TPM's answer is cut short"));
  }
}

void TpmConnection::Flush(uint32_t object) {
  const std::string body = TpmU32(kFlushContext) + TpmU32(object);
  // When it does not go, the next command says why; the resource manager frees it at the end in any case.
  Exchange(TpmU16(kNoSessions) + TpmU32(static_cast<uint32_t>(body.size() + 6)) + body).IgnoreError();
}

}  // namespace linnet::base
