#include "forms.hpp"

#include <algorithm>

namespace xgrad::detail {
namespace {

std::uint8_t item_of(const Node* output) {
  return output == nullptr || output->is_double() ? sizeof(double) : sizeof(float);
}

std::uint64_t mixed(std::uint64_t hash, std::uint64_t more) { return (hash ^ more) * 0x9e3779b97f4a7c15u; }
std::uint64_t mixed(std::uint64_t hash, const Shape& shape) {
  for (const std::size_t extent : shape) hash = mixed(hash, extent);
  return mixed(hash, shape.size());
}

std::size_t last_extent(const Shape& shape) { return shape.empty() ? 1 : shape.back(); }

bool is_of(const Form& form, std::uint32_t name, const Activity& activity, const Node* output, double flops) {
  if (form.name != name || form.flops != flops || form.item != item_of(output) ||
      form.output.has_value() != (output != nullptr) || form.inputs.size() != activity.inputs.size())
    return false;
  for (std::size_t i = 0; i < form.inputs.size(); ++i)
    if (!(form.inputs[i] == activity.inputs[i])) return false;
  return output == nullptr || *form.output == output->value().shape;
}

Form made_of(std::uint32_t name, const Activity& activity, const Node* output, double flops) {
  Form form{.number = 0, .name = name, .item = item_of(output), .inputs = {}, .output = {}, .flops = flops};
  for (std::size_t i = 0; i < activity.inputs.size(); ++i) form.inputs.push_back(activity.inputs[i]);
  if (output == nullptr) return form;
  form.output = output->value().shape;
  // What computes nothing and may hand on its input's buffer, as a reshape does, moves nothing.
  if (flops > 0 || activity.what.type == nullptr || activity.what.type->shares == 0) {
    form.given = count_of(*form.output);
    for (const Shape& shape : form.inputs) form.taken += count_of(shape);
  }
  return form;
}

}  // namespace

std::uint32_t Forms::number_of(std::uint32_t name, const Activity& activity, const Node* output) {
  const double flops = output == nullptr ? 0 : activity.what.flops(activity.inputs, output->value().shape);
  const std::uint64_t first = activity.inputs.size() == 0 ? 0 : last_extent(activity.inputs[0]);
  const std::uint64_t given = output == nullptr ? 0 : last_extent(output->value().shape);
  const Form*& lately = met_[mixed(mixed(name, first), given) >> 56];
  if (lately == nullptr || !is_of(*lately, name, activity, output, flops)) [[unlikely]]
    lately = &find(name, activity, output, flops);
  return lately->number;
}

const Form& Forms::find(std::uint32_t name, const Activity& activity, const Node* output, double flops) {
  std::uint64_t hash = mixed(name, output == nullptr ? 0 : 1);
  for (std::size_t i = 0; i < activity.inputs.size(); ++i) hash = mixed(hash, activity.inputs[i]);
  if (output != nullptr) hash = mixed(hash, output->value().shape);
  const auto [first, last] = numbers_.equal_range(hash);
  const auto known = std::find_if(first, last, [&](const auto& each) {
    return is_of(forms_[each.second], name, activity, output, flops);
  });
  if (known != last) return forms_[known->second];
  const auto number = static_cast<std::uint32_t>(forms_.size());
  forms_.push_back(made_of(name, activity, output, flops));
  forms_.back().number = number;
  try {
    numbers_.emplace(hash, number);
  } catch (...) {
    forms_.pop_back();
    throw;
  }
  return forms_.back();
}

}  // namespace xgrad::detail
