#ifndef LINNET_TESTS_ENGINE_GATE_H_
#define LINNET_TESTS_ENGINE_GATE_H_

#include <future>
#include <string_view>

#include "runtime/engine/engine.h"

namespace linnet::engine {

// Holds the engine's thread inside a delta of a request (the first, or the one of that number) until it is
// let go.
class Gate {
 public:
  explicit Gate(int delta = 1) : left_(delta) {}
  OnDelta Delta() {
    return [this](std::string_view) {
      if (--left_ != 0) return;
      reached_.set_value();
      opened_.wait();
    };
  }
  void AwaitReached() { reached_.get_future().wait(); }
  void Open() { open_.set_value(); }

 private:
  int left_;  // the engine's thread's
  std::promise<void> reached_, open_;
  std::shared_future<void> opened_ = open_.get_future().share();
};

}  // namespace linnet::engine

#endif  // LINNET_TESTS_ENGINE_GATE_H_
