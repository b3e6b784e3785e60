// Which arguments the table's operations must refuse: the rows' own formulas on shapes that do not fit.
#pragma once

#include <string>
#include <vector>
#include <xgrad/core/array/shape.hpp>

namespace xgrad::testing {

enum class Thrown { shape_error, value_error };
inline constexpr Thrown value_error = Thrown::value_error;

/// A row, shapes for its arguments with which it throws, and what the message must say beside its name.
struct Refusal {
  std::string row;  ///< as name_of() has it
  std::vector<Shape> shapes;
  std::vector<std::string> says;
  Thrown thrown = Thrown::shape_error;
};

/// An operation that takes whatever arrays it is given, and why.
struct Lenience {
  std::string operation, reason;
};

// Beside the rows, one function a file, as they are.
std::vector<Refusal> core_refusals();
std::vector<Refusal> shape_refusals();
std::vector<Refusal> arrange_refusals();
std::vector<Refusal> indexing_refusals();
std::vector<Refusal> linear_algebra_refusals();
std::vector<Refusal> layer_refusals();
std::vector<Refusal> attention_refusals();
std::vector<Refusal> convolution_refusals();
std::vector<Refusal> reduction_refusals();
std::vector<Refusal> loss_refusals();
std::vector<Refusal> recurrent_refusals();

/// All of these, one after the other.
std::vector<Refusal> all_refusals();
std::vector<Lenience> all_leniences();

}  // namespace xgrad::testing
