#include "capture.hpp"

#include <string>

#include "../array/error.hpp"
#include "notes.hpp"

namespace xgrad::detail {
namespace {

thread_local constinit Capture* present_capture = nullptr;
thread_local constinit bool last_passes_gradients = false;

/// "'sum' of shape [3] in scope 'encoder' (under the guard of net.cpp:12)".
std::string described(const Node& node) {
  std::string text("'");
  text.append(node.operation()).append("' of shape ").append(to_string(node.value().shape));
  const Notes* notes = find_notes(node);
  if (notes == nullptr || !notes->place) return text;
  const Place& place = *notes->place;
  if (!place.path.empty()) text.append(" in scope '").append(place.path).append("'");
  text.append(" (under the guard of ").append(place.file).append(":");
  return text.append(std::to_string(place.line)).append(")");
}

}  // namespace

Capture* Capture::present() noexcept { return present_capture; }
bool Capture::passes_gradients() noexcept { return last_passes_gradients; }

bool leaves_captured(bool passes_gradients) noexcept {
  last_passes_gradients = passes_gradients;
  return true;
}

CapturedBy::CapturedBy(Capture* capture) noexcept : before_(present_capture) {
  present_capture = capture;
  set_capturing(capture != nullptr);
}
CapturedBy::~CapturedBy() {
  present_capture = before_;
  set_capturing(before_ != nullptr);
}

void refuse_leaving(std::string_view call, const Node& node) {
  if (!present_capture->depends_on_inputs(node)) return;
  throw CaptureError(std::string(call) + ": the elements of " + described(node) +
                     " are read while compile() captures, and later calls would keep them as they are now; "
                     "return the Variable from the function, or leave this part outside of it");
}

void refuse_reading(std::string_view call, const memory::Buffer& elements) {
  if (!present_capture->knows(elements)) return;
  throw CaptureError(std::string(call) +
                     ": it reads indices or a mask that compile() captures, but is no operation, so that "
                     "later calls would keep what it gives; do this outside, and pass what it gives");
}

void refuse_in_capture(std::string_view call, std::string_view advice) {
  if (!is_capturing()) return;
  throw CaptureError(std::string(call) + ": not possible while compile() captures a function; " +
                     std::string(advice));
}

}  // namespace xgrad::detail
