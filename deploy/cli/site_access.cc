#include "deploy/cli/site_access.h"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/cli/table.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::cli {
namespace {

constexpr size_t kPart = 256 << 10;
constexpr std::string_view kPassphraseOtherwise =
    "a passphrase: give --passphrase-file FILE, set LINNET_PASSPHRASE";
constexpr std::string_view kPinOtherwise =
    "the PIN of their token: give --token-pin-file FILE, set LINNET_TOKEN_PIN";

std::string FirstLine(std::string text) {
  text.resize(std::min(text.size(), text.find('\n')));
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return text;
}

// `otherwise`: how to give it without a terminal.
absl::StatusOr<std::string> AskOnTerminal(const std::string& prompt, std::string_view otherwise) {
  std::FILE* terminal = std::fopen("/dev/tty", "r+");
  if (terminal == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("the keys need ", std::string(otherwise), ", or run this on a terminal"));
  }
  termios before;
  const bool quiet = tcgetattr(fileno(terminal), &before) == 0;
  if (quiet) {
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fileno(terminal), TCSAFLUSH, &silent);
  }
  std::fputs(prompt.c_str(), terminal);
  std::fflush(terminal);
  char line[1024] = "";
  const bool read = std::fgets(line, sizeof line, terminal) != nullptr;
  if (quiet) tcsetattr(fileno(terminal), TCSAFLUSH, &before);
  std::fputc('\n', terminal);
  std::fclose(terminal);
  if (!read) return absl::CancelledError("nothing was typed");
  return FirstLine(line);
}

// A bar on the terminal for long uploads; nothing when standard error is not one.
void ShowProgress(const std::string& name, uint64_t done, uint64_t total) {
  if (!isatty(STDERR_FILENO) || total < (4 << 20)) return;
  const int filled = static_cast<int>(done * 30 / total);
  std::fprintf(stderr, "\r%s [%s%s] %s of %s ", name.c_str(),
               std::string(static_cast<size_t>(filled), '#').c_str(),
               std::string(static_cast<size_t>(30 - filled), ' ').c_str(), HumanBytes(done).c_str(),
               HumanBytes(total).c_str());
  if (done == total) std::fputc('\n', stderr);
}

}  // namespace

absl::StatusOr<std::string> Passphrase(const Context& context, bool fresh) {
  constexpr size_t kLeastBytes = 8;
  std::string passphrase;
  bool typed = false;
  if (!context.passphrase_file.empty()) {
    LINNET_ASSIGN_OR_RETURN(std::string text,
                            base::FileSystem::Real().ReadFile(context.passphrase_file, 4096));
    passphrase = FirstLine(std::move(text));
  } else if (const char* value = std::getenv("LINNET_PASSPHRASE")) {
    passphrase = value;
  } else {
    LINNET_ASSIGN_OR_RETURN(passphrase, AskOnTerminal(fresh ? "New passphrase for the site's keys: "
                                                            : "Passphrase of the site's keys: ",
                                                      kPassphraseOtherwise));
    typed = true;
  }
  if (!fresh) return passphrase;
  if (passphrase.size() < kLeastBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the passphrase has fewer than ", kLeastBytes,
                     " bytes; choose a longer one (--no-passphrase leaves keys unsealed)"));
  }
  if (typed) {
    LINNET_ASSIGN_OR_RETURN(const std::string again, AskOnTerminal("The same again: ", kPassphraseOtherwise));
    if (passphrase != again) return absl::InvalidArgumentError("the two passphrases differ");
  }
  return passphrase;
}

base::TokenPin TokenPinOf(const Context& context) {
  return [&context](const std::string& uri) -> absl::StatusOr<std::string> {
    if (!context.token_pin_file.empty()) {
      LINNET_ASSIGN_OR_RETURN(std::string text,
                              base::FileSystem::Real().ReadFile(context.token_pin_file, 4096));
      return FirstLine(std::move(text));
    }
    if (const char* value = std::getenv("LINNET_TOKEN_PIN")) return std::string(value);
    return AskOnTerminal(absl::StrCat("PIN of the token with ", uri, ": "), kPinOtherwise);
  };
}

absl::StatusOr<std::unique_ptr<trust::Site>> OpenSite(const Context& context, const std::string& dir) {
  base::FileSystem& fs = base::FileSystem::Real();
  bool sealed = false;
  {
    LINNET_ASSIGN_OR_RETURN(const auto site, trust::Site::Open(fs, dir, "", base::Clock::Real()));
    LINNET_ASSIGN_OR_RETURN(const trust::SiteStatus status, site->Status());
    for (const trust::KeyFileStatus& key : status.key_files) {
      // The authorities' keys are used when the site is made, and not again.
      const bool of_a_role = !key.path.ends_with("-ca.key") && !key.path.ends_with("-ca-root.key");
      sealed = sealed || (key.encrypted && of_a_role);
    }
  }  // gives its lock back
  std::string passphrase;
  if (sealed) {
    LINNET_ASSIGN_OR_RETURN(passphrase, Passphrase(context, false));
  }
  return trust::Site::Open(fs, dir, passphrase, base::Clock::Real(), TokenPinOf(context));
}

absl::StatusOr<MetadataMap> PublishedMetadata(const Coordinator& coordinator) {
  admin::v1::GetRepositoryResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(coordinator.stub->GetRepository(CallContext(20).get(), {}, &response), "coordinator"));
  MetadataMap metadata;
  for (const admin::v1::MetadataFile& file : response.metadata()) metadata[file.role()] = file.bytes();
  return metadata;
}

std::vector<Upload> UploadsOf(const trust::Publication& publication) {
  std::vector<Upload> uploads;
  for (const auto& [name, bytes] : publication.small_targets) {
    uploads.push_back(
        {.name = name, .sha256 = std::string(base::AsView(base::Sha256(bytes))), .bytes = bytes});
  }
  return uploads;
}

absl::StatusOr<admin::v1::PublishResponse> Publish(const Coordinator& coordinator,
                                                   const MetadataMap& metadata,
                                                   const std::vector<Upload>& uploads, bool files_are_lost) {
  const auto call = CallContext(3600);
  admin::v1::PublishResponse response;
  const auto writer = coordinator.stub->Publish(call.get(), &response);
  bool open = true;
  if (files_are_lost) {
    admin::v1::PublishRequest part;
    part.set_files_are_lost(true);
    open = writer->Write(part);
  }
  // Metadata first: the coordinator then knows which files it may take.
  for (const auto& [role, bytes] : metadata) {
    admin::v1::PublishRequest part;
    part.mutable_metadata()->set_role(role);
    part.mutable_metadata()->set_bytes(bytes);
    open = open && writer->Write(part);
  }
  base::FileSystem& fs = base::FileSystem::Real();
  for (const Upload& upload : uploads) {
    const uint64_t size = upload.path.empty() ? upload.bytes.size() : upload.size_bytes;
    admin::v1::PublishRequest header;
    header.mutable_target()->set_name(upload.name);
    header.mutable_target()->set_size_bytes(size);
    header.mutable_target()->set_sha256(upload.sha256);
    open = open && writer->Write(header);
    for (uint64_t at = 0; open && at < size; at += kPart) {
      const uint64_t n = std::min<uint64_t>(kPart, size - at);
      admin::v1::PublishRequest part;
      if (upload.path.empty()) {
        part.set_target_data(upload.bytes.substr(at, n));
      } else {
        auto bytes = fs.ReadAt(upload.path, at, n);
        if (!bytes.ok()) {
          call->TryCancel();
          (void)writer->Finish();
          return bytes.status();
        }
        part.set_target_data(*std::move(bytes));
      }
      open = writer->Write(part);
      ShowProgress(upload.name, at + n, size);
    }
  }
  writer->WritesDone();
  LINNET_RETURN_IF_ERROR(CallStatus(writer->Finish(), "coordinator"));
  return response;
}

}  // namespace linnet::cli
