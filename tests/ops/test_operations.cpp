// What every operation promises, checked on every row of the table in operation_row.hpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <xgrad/derivatives/gradcheck.hpp>

#include "../threads.hpp"
#include "row_runs.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;

namespace {

/// Errors are allowed up to `scale` times what the row allows.
template <class T>
void check_value(const OperationRow& row, const Arrays& in, double scale = 1) {
  constexpr bool is_double = std::is_same_v<T, double>;
  const std::vector<double> expected = row.reference(is_double ? in : as_floats(in));
  const xg::Variable<T> y = call(row, parameters<T>(in));
  CHECK(difference(y.dense(), expected.data(), expected.size(),
                   scale * (is_double ? row.value_tolerance : row.float_tolerance)) == "");
}

/// The largest size in the row's result: what the rounding of sums of many terms is relative to.
double largest_of(const OperationRow& row, const Arrays& in) {
  double largest = 1;
  for (double x : row.reference(in)) largest = std::fmax(largest, std::fabs(x));
  return largest;
}

void check_gradients(const OperationRow& row, const Arrays& in, bool second_order) {
  if (std::all_of(in.begin(), in.end(), [](const auto& x) { return x.size() == 0; })) {
    // Nothing can be moved, and the value may be a NaN; the gradients are there all the same.
    const auto all = run(row, parameters<double>(in));
    REQUIRE(all.size() == in.size() + 1);
    for (std::size_t k = 0; k < in.size(); ++k) CHECK(all[k + 1].shape == in[k].shape());
    return;
  }
  const double tolerance = second_order ? row.second_tolerance : row.first_tolerance;
  const auto report = xg::gradcheck(row.apply, parameters<double>(in),
                                    {.relative_tolerance = tolerance,
                                     .absolute_tolerance = tolerance / 10,
                                     .second_order = second_order,
                                     .forward_mode = true});
  std::ostringstream text;
  text << report;
  INFO(text.str());
  CHECK(report.ok());
}

/// Whether the graph behind `node` holds an operation of this name.
bool is_made_by(const xg::detail::Node& node, std::string_view name) {
  if (node.operation() == name) return true;
  const auto inputs = node.inputs();
  return std::any_of(inputs.begin(), inputs.end(),
                     [&](const xg::detail::Node* input) { return is_made_by(*input, name); });
}

}  // namespace

TEST_CASE("every registered operation has a row, and every row a registered operation") {
  const auto names = registered_operations();
  const std::set<std::string> registered(names.begin(), names.end());
  std::set<std::string> tested;
  for_each_row([&](const OperationRow& row) {
    tested.insert(row.operation);
    CHECK(registered.count(row.operation) == 1);
    CHECK(row.arguments.size() > 0);
  });
  for (const std::string& name : names) {
    INFO("operation: " << name);
    CHECK(tested.count(name) == 1);
  }
}

TEST_CASE("a row's graph holds the operation that the row is named after, if it has a gradient") {
  // On other shapes an operation may have nothing to do and pass its argument on.
  for (const OperationRow& row : all_rows()) {
    INFO("row: " << name_of(row));
    const auto y = row.apply(parameters<double>(sample(row, own_shapes(row), 1)));
    CHECK(y.requires_grad() == row.differentiable);
    if (y.requires_grad()) CHECK(is_made_by(y.node(), row.operation));
  }
}

TEST_CASE("values are those of plain loops, in double and, to its rounding, in float") {
  for_each_row([](const OperationRow& row) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      CAPTURE(seed);
      const Arrays in = sample(row, own_shapes(row), seed);
      check_value<double>(row, in);
      check_value<float>(row, in);
    }
  });
}

TEST_CASE("first-order gradients agree with differences") {
  for_each_row([](const OperationRow& row) {
    for (std::uint64_t seed = 0; row.differentiable && seed < 3; ++seed) {
      CAPTURE(seed);
      check_gradients(row, sample(row, own_shapes(row), seed), false);
    }
  });
}

TEST_CASE("second-order gradients agree with differences") {
  for_each_row([](const OperationRow& row) {
    for (std::uint64_t seed = 0; row.differentiable && seed < 2; ++seed) {
      CAPTURE(seed);
      check_gradients(row, sample(row, own_shapes(row), seed), true);
    }
  });
}

TEST_CASE("gradients in float agree with those in double") {
  for_each_row([](const OperationRow& row) {
    const Arrays in = as_floats(sample(row, own_shapes(row), 3));
    const auto in_float = run(row, parameters<float>(in));
    const auto in_double = run(row, parameters<double>(in));
    REQUIRE(in_float.size() == in_double.size());
    for (std::size_t k = 1; k < in_float.size(); ++k) {
      INFO("input " << k - 1);
      CHECK(difference(in_float[k], in_double[k].data(), in_double[k].size(), row.float_gradient_tolerance) ==
            "");
    }
  });
}

TEST_CASE("elementwise operations broadcast shapes of any kind, and gradients have their inputs' shapes") {
  for_each_row([](const OperationRow& row) {
    xg::Generator from(7);
    for (std::uint64_t seed = 0; row.elementwise && seed < 12; ++seed) {
      const Shapes shapes = broadcastable_shapes(row.arguments.size(), from);
      INFO("seed " << seed << ", shapes " << text_of(shapes));
      const Arrays in = sample(row, shapes, seed);
      check_value<double>(row, in);
      check_value<float>(row, in);
      if (row.differentiable) check_gradients(row, in, seed % 4 == 3);
    }
  });
}

TEST_CASE("operations are right where several threads share the work") {
  for_each_row([](const OperationRow& row) {
    for (const Shapes& shapes : row.large) {
      INFO("shapes " << text_of(shapes));
      const Arrays in = sample(row, shapes, 11);
      const double scale = row.elementwise ? 1 : largest_of(row, in);
      check_value<double>(row, in, scale);
      check_value<float>(row, in, scale);
    }
  });
}

TEST_CASE("operations leave their inputs as they are, and a gradient that is written to touches nothing") {
  for_each_row([](const OperationRow& row) {
    const Arrays before = sample(row, own_shapes(row), 5);
    const auto in = parameters<double>(before);
    const auto y = row.apply(in);
    const auto value = y.value();
    if (!y.requires_grad()) return;
    y.backward({.grad_output = weights<double>(y.shape())});
    Arrays gradients;
    for (const auto& x : in) gradients.push_back(x.has_grad() ? x.grad() : xg::Array<double>());
    const auto again = run(row, parameters<double>(before));
    for (std::size_t written = 0; written < in.size(); ++written) {
      std::fill(gradients[written].begin(), gradients[written].end(), 12345.0);
      CHECK(same_bits(y.dense(), again[0]));
      for (std::size_t k = 0; k < in.size(); ++k) {
        INFO("gradient " << written << " written, input " << k);
        CHECK(in[k].value() == before[k]);
        if (in[k].has_grad()) CHECK(same_bits(in[k].dense_grad(), again[k + 1]));
        if (k > written && in[k].has_grad()) CHECK(gradients[k] == in[k].grad());
      }
    }
  });
}

TEST_CASE("two runs, on one thread or on two, give the same bits") {
  for_each_row([](const OperationRow& row) {
    std::vector<Shapes> all = row.large;
    all.push_back(own_shapes(row));
    for (const Shapes& shapes : all) {
      INFO("shapes " << text_of(shapes));
      const Arrays in = sample(row, shapes, 13);
      const Threads one(1);
      const auto alone = run(row, parameters<double>(in));
      const auto alone_float = run(row, parameters<float>(in));
      CHECK(same_bits(run(row, parameters<double>(in)), alone));
      const Threads two(2);
      CHECK(same_bits(run(row, parameters<double>(in)), alone));
      CHECK(same_bits(run(row, parameters<float>(in)), alone_float));
    }
  });
}

TEST_CASE("of the large arguments of every operation, some are large enough for threads to share the work") {
  Threads two(2);
  std::map<std::string, bool> shared;
  for_each_row([&](const OperationRow& row) {
    for (const Shapes& shapes : row.large) {
      const auto in = parameters<float>(sample(row, shapes, 17));
      two.shared_a_loop();
      run(row, in);
      shared[row.operation] |= two.shared_a_loop();
    }
  });
  CHECK(shared.size() > 100);
  // reshape passes its buffer on; the others pick an element a row, too few to share.
  const std::set<std::string> never{"reshape", "diagonal", "nll_loss", "nll_loss_gradient"};
  for (const auto& entry : shared) {
    INFO(entry.first);
    CHECK(entry.second != never.contains(entry.first));
  }
}
