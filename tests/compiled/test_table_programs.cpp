// Programs drawn over all rows of the table: several operations, some of them reading views of one leaf and
// what came of others, replayed on changed leaves.
#include <cstdlib>
#include <xgrad/compile.hpp>
#include <xgrad/xgrad.hpp>

#include "../ops/row_runs.hpp"
#include "beside_eager.hpp"
#include "refused_rows.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using xgrad::Variable;

namespace {

using Rows = std::vector<OperationRow>;

Rows rows_of_programs() {
  Rows taken;
  for (OperationRow& row : all_rows_and_what_follows())
    if (!is_refused(row)) taken.push_back(std::move(row));
  return taken;
}

/// Always the same function for the same seed, of leaves whose values are drawn from the rows' domains.
template <class T>
class TableProgram {
 public:
  TableProgram(const Rows& rows, std::uint64_t seed, bool takes_gradients)
      : seed_(seed), takes_gradients_(takes_gradients) {
    xg::Generator from(seed);
    const std::size_t count = 2 + from.below(4);
    for (std::size_t k = 0; k < count; ++k) {
      Part part{&rows[from.below(rows.size())], {}};
      for (const xg::Shape& shape : own_shapes(*part.row)) {
        const bool is_view = from.below(2) == 0;
        part.inputs.push_back({shape, is_view ? shared_ : leaves_.size(), is_view});
        if (is_view)
          shared_ += xg::element_count(shape);
        else
          leaves_.push_back(xg::parameter(xg::zeros<T>(shape)));
      }
      parts_.push_back(std::move(part));
    }
    leaves_.push_back(xg::parameter(xg::zeros<T>({shared_})));
  }

  std::vector<Variable<T>> leaves() const { return leaves_; }
  std::string text() const {
    std::string names;
    for (const Part& part : parts_) names += name_of(*part.row) + "; ";
    return names;
  }

  void draw(std::uint64_t seed) {
    xg::Array<T> all = xg::zeros<T>({shared_});
    for (const Part& part : parts_) {
      const Arrays values = sample(*part.row, own_shapes(*part.row), ++seed * 7919);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const Input& input = part.inputs[i];
        if (!input.is_view)
          leaves_[input.place].set_value(xt::cast<T>(values[i]));
        else
          for (std::size_t e = 0; e < values[i].size(); ++e)
            all.data()[input.place + e] = static_cast<T>(values[i].data()[e]);
      }
    }
    leaves_.back().set_value(all);
  }

  /// A loss, and the last operation's result.
  std::vector<Variable<T>> operator()() const {
    xg::Generator from(seed_ + 1);
    Variable<T> total = xg::sum(xg::square(leaves_.back())), last = leaves_.back();
    for (const Part& part : parts_) {
      Variables<T> in;
      for (const Input& input : part.inputs) {
        Variable<T> x = leaves_[input.is_view ? leaves_.size() - 1 : input.place];
        if (input.is_view) {
          const auto begin = static_cast<std::ptrdiff_t>(input.place);
          const auto end = begin + static_cast<std::ptrdiff_t>(xg::element_count(input.shape));
          x = xg::reshape(xg::slice(x, {xg::range(begin, end)}), input.shape);
        }
        // Smaller by less than the distance that samples keep from kinks and from the ends of domains.
        if (last.size() > 0 && from.below(3) == 0) x = x * (T(1) - T(1e-3) * xg::sigmoid(xg::mean(last)));
        in.push_back(x);
      }
      last = call(*part.row, in);
      if (from.below(5) == 0 && !takes_gradients_) last = xg::dropout(last, 0.25);
      total = total + xg::sum(xg::tanh(last) * xg::constant(weights<T>(last.shape())));
    }
    if (takes_gradients_)
      for (const Variable<T>& slope :
           xg::grad(total, leaves_, {.create_graph = from.below(2) == 0, .retain_graph = true}))
        total = total + T(0.125) * xg::sum(xg::tanh(slope));
    return {total, last};
  }

 private:
  struct Input {
    xg::Shape shape;
    std::size_t place;  ///< among the leaves, or of its first element in the last leaf
    bool is_view;
  };
  struct Part {
    const OperationRow* row;
    std::vector<Input> inputs;
  };
  std::uint64_t seed_;
  bool takes_gradients_;
  std::vector<Variable<T>> leaves_;
  std::vector<Part> parts_;
  std::size_t shared_ = 0;
};

template <class T>
void check_program(const Rows& rows, std::uint64_t seed, bool takes_gradients) {
  TableProgram<T> function(rows, seed, takes_gradients);
  CAPTURE(seed);
  INFO(function.text());
  const auto compiled = xg::compile([&] { return function(); });
  const auto loss_of = [](const std::vector<Variable<T>>& results) {
    return results[1].size() == 0 ? results[0] : results[0] + T(0.5) * xg::mean(results[1]);
  };
  xg::manual_seed(seed);
  for (std::uint64_t k = 0; k < 3; ++k) {
    function.draw(seed + k);
    check_beside<T>(
        function.leaves(), [&] { return loss_of(compiled()); }, [&] { return loss_of(function()); });
  }
  CHECK(compiled.programs() == 1);
}

void check_drawn(const Rows& rows, std::uint64_t seed, bool takes_gradients) {
  return seed % 2 == 0 ? check_program<double>(rows, seed, takes_gradients)
                       : check_program<float>(rows, seed, takes_gradients);
}

void check_all_drawn(std::uint64_t count, bool takes_gradients) {
  const Rows rows = rows_of_programs();
  // XGRAD_PROGRAM_SEED repeats one that failed.
  if (const char* only = std::getenv("XGRAD_PROGRAM_SEED"))
    return check_drawn(rows, std::strtoull(only, nullptr, 10), takes_gradients);
  for (std::uint64_t seed = 1; seed <= count; ++seed) check_drawn(rows, seed, takes_gradients);
}

}  // namespace

TEST_CASE("a thousand programs over all operations, beside the functions that they were captured from") {
  check_all_drawn(1000, false);
}

TEST_CASE("and a thousand that take gradients themselves, and are differentiated once more") {
  check_all_drawn(1000, true);
}
