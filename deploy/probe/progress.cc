#include "deploy/probe/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace linnet::probe {
namespace {

constexpr uint64_t kWidth = 30;
constexpr size_t kMostText = 40;
constexpr auto kBetween = std::chrono::milliseconds(100);
constexpr const char* kClearLine = "\r\x1b[K";

}  // namespace

ProgressBar::ProgressBar() : terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() { Clear(); }

void ProgressBar::Clear() {
  if (drawn_) std::fputs(kClearLine, stderr);
  drawn_ = false;
}

tools::Progress ProgressBar::Listener() {
  if (!terminal_) return nullptr;
  return [this](uint64_t done, uint64_t total, std::string_view what) { Draw(done, total, what); };
}

void ProgressBar::Draw(uint64_t done, uint64_t total, std::string_view what) {
  const auto now = std::chrono::steady_clock::now();
  if (total == 0 || (drawn_ && done < total && now - last_ < kBetween)) return;
  last_ = now;
  drawn_ = true;
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto full = static_cast<size_t>(share * static_cast<double>(kWidth));
  const std::string bar = std::string(full, '#') + std::string(kWidth - full, '.');
  std::fprintf(stderr, "%s[%s] %3.0f %% %s", kClearLine, bar.c_str(), share * 100,
               std::string(what.substr(0, kMostText)).c_str());
  std::fflush(stderr);
}

}  // namespace linnet::probe
