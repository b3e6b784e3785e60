#include "backward.hpp"

#include "operation_type.hpp"

namespace xgrad::detail {

FurtherOutput::FurtherOutput(Node& maker, std::size_t number, Value value, ElementKind kind)
    : Node(std::move(value), kind), maker_(&maker), number_(number) {
  if (is_real(kind)) require_gradient();
  set_inputs(&maker_, 1);
}

void FurtherOutput::differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& gradient) {
  sweep.give_further(*this, std::move(gradient));
}

void FurtherOutput::differentiate(Sweep<Handle>& sweep, Handle&& gradient) {
  sweep.give_further(*this, std::move(gradient));
}

Description FurtherOutput::description() const noexcept {
  return {maker_->operation(), &type_of<FurtherOutput>, this};
}

}  // namespace xgrad::detail
