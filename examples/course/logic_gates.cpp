// A perceptron adds up its weighted inputs and says 1 if the sum is above 0: a straight line that cuts the
// plane. AND, OR and NAND are on two sides of a line; XOR is not, and needs a second layer.
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"
#include "../plot/decision.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;
using Labels = xt::xarray<std::int64_t>;
using Var = xg::Variable<double>;

namespace {

const Matrix inputs{{0, 0}, {0, 1}, {1, 0}, {1, 1}};
const Matrix and_table{0, 0, 0, 1}, or_table{0, 1, 1, 1}, nand_table{1, 1, 1, 0}, xor_table{0, 1, 1, 0};

/// Weights and bias chosen by hand.
struct Gate {
  Matrix w;
  double b;
  Var operator()(const Var& x) const { return xg::step(xg::matmul(x, xg::constant(w)) + b); }
};

const Gate and_gate{{0.5, 0.5}, -0.7}, or_gate{{0.5, 0.5}, -0.2}, nand_gate{{-0.5, -0.5}, 0.7};

/// XOR is what OR and NAND both say.
Var xor_gate(const Var& x) { return and_gate(xg::stack({or_gate(x), nand_gate(x)}, 1)); }

/// Learns a table by descent on the cross entropy of a sigmoid: a step has no slope to go down. The class of
/// a point is then what the step says to the same sum.
void learn(xg::nn::Module<double>& net, const Matrix& table, int steps) {
  xg::optim::SGD<double> sgd(net.parameters(), {.learning_rate = 1});
  for (int i = 0; i < steps; ++i) {
    const Var sum = xg::reshape(net(xg::constant(inputs)), {4});
    sgd.zero_grad();
    xg::nn::binary_cross_entropy_with_logits(sum, table).backward();
    sgd.step();
  }
}

Var answers(xg::nn::Module<double>& net, const Var& x) { return xg::step(xg::reshape(net(x), {-1})); }

plot::Panel learned(lesson::Lesson& lesson, const std::string& name, xg::nn::Module<double>& net,
                    const Matrix& table) {
  learn(net, table, 1000);
  lesson.near(name + ", learned", answers(net, xg::constant(inputs)).value(), table, 0);
  const auto classify = [&](const xg::Array<double>& points) -> xg::Indices {
    return xt::cast<std::int64_t>(answers(net, xg::constant(points)).value());
  };
  auto panel = plot::decision_regions(name, classify, inputs, xt::cast<std::int64_t>(table), {"0", "1"}, 0.5);
  panel.key = "";
  return panel;
}

void teach(lesson::Lesson& lesson) {
  const Var x = xg::constant(inputs);
  lesson.near("AND, by hand", and_gate(x).value(), and_table, 0);
  lesson.near("OR, by hand", or_gate(x).value(), or_table, 0);
  lesson.near("NAND, by hand", nand_gate(x).value(), nand_table, 0);
  lesson.near("XOR of OR, NAND and AND", xor_gate(x).value(), xor_table, 0);

  xg::manual_seed(1);
  xg::nn::Linear<double> conjunction(2, 1), disjunction(2, 1), negated(2, 1);
  xg::nn::TwoLayerNet<double> exclusive(2, 4, 1);
  std::vector<plot::Panel> panels{
      learned(lesson, "AND", conjunction, and_table), learned(lesson, "OR", disjunction, or_table),
      learned(lesson, "NAND", negated, nand_table), learned(lesson, "XOR, two layers", exclusive, xor_table)};
  // One line is not enough, however long it is moved about.
  xg::nn::Linear<double> line(2, 1);
  learn(line, xor_table, 1000);
  const auto right = xt::sum(xt::equal(answers(line, x).value(), xor_table))();
  lesson.at_most("of XOR's four rows, one perceptron has right", static_cast<double>(right), 3);
  plot::figure(lesson.drawing(), "logic_gates", "What perceptrons have learned (0 is blue, 1 is orange)",
               panels, 2, {330, 320});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "logic_gates", "Perceptrons as logic gates, given and learned.", teach);
}
