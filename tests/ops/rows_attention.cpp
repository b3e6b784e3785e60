#include <cmath>
#include <string>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/ops/attention.hpp>

#include "attention_reference.hpp"
#include "gradient_of.hpp"
#include "row_refusals.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;

constexpr std::uint64_t attention_seed = 23;

/// This thread's generator at the beginning of a sequence, and afterwards where it was.
class Seeded {
 public:
  explicit Seeded(std::uint64_t seed) : before_(generator().state()) { manual_seed(seed); }
  ~Seeded() { generator().set_state(before_); }
  Seeded(const Seeded&) = delete;
  Seeded& operator=(const Seeded&) = delete;

 private:
  GeneratorState before_;
};

/// One way to call attention, and what the loops do for it.
struct Way {
  std::string name;
  bool masked = false, causal = false;
  double dropout = 0;
  std::optional<double> scale = std::nullopt;

  /// Some places here and there, and all of query 1.
  static bool forbids(std::size_t query, std::size_t key) { return (query + 2 * key) % 5 == 3 || query == 1; }

  template <class Q>
  AttentionOptions options(const Q& q, const Q& k) const {
    AttentionOptions made{.causal = causal, .dropout = dropout, .scale = scale};
    if (!masked || q.dim() < 2 || k.dim() < 2) return made;
    Dense<bool> mask(Shape{q.shape()[q.dim() - 2], k.shape()[k.dim() - 2]});
    for (std::size_t place = 0; place < mask.size(); ++place)
      mask.mutable_data()[place] = forbids(place / mask.shape[1], place % mask.shape[1]);
    made.forbidden = MaskInput(mask);
    return made;
  }
  AttentionReference reference(const Arrays& in, std::size_t values) const {
    AttentionReference made(in[0].shape(), in[1].shape(), in[values].shape());
    made.p = dropout;
    made.seed = attention_seed;
    if (scale) made.scale = *scale;
    made.forbids = [way = *this](std::size_t, std::size_t query, std::size_t key) {
      return (way.causal && key > query) || (way.masked && forbids(query, key));
    };
    made.run(in[0].storage().data(), in[1].storage().data(), in[values].storage().data());
    return made;
  }
};

void add(std::vector<OperationRow>& rows, const Way& way, const Shape& q, const Shape& k, const Shape& v) {
  const auto value = [=](const auto& in) {
    const Seeded seeded(attention_seed);
    return scaled_dot_product_attention(in[0], in[1], in[2], way.options(in[0], in[1]));
  };
  rows.push_back(row("scaled_dot_product_attention", way.name, {{q}, {k}, {v}}, value,
                     [=](const Arrays& in) { return way.reference(in, 2).y; }));
  Shape dy = q;
  dy.back() = v.back();
  const char* const names[] = {"q", "k", "v"};
  for (std::size_t which = 0; which < 3; ++which)
    rows.push_back(row("scaled_dot_product_attention_gradient",
                       way.name + (way.name.empty() ? "of " : ", of ") + names[which], {{q}, {k}, {v}, {dy}},
                       gradient_of(value, which), [=](const Arrays& in) {
                         const auto data = [&](std::size_t i) { return in[i].storage().data(); };
                         return way.reference(in, 2).back(data(0), data(1), data(2), data(3))[which];
                       }));
}

void add_weights(std::vector<OperationRow>& rows, const Way& way, const Shape& q, const Shape& k) {
  rows.push_back(row(
      "attention_weights", way.name, {{q}, {k}},
      [=](const auto& in) { return detail::attention_weights(in[0], in[1], way.options(in[0], in[1])); },
      [=](const Arrays& in) { return way.reference(in, 1).weights; }));
}

}  // namespace

std::vector<OperationRow> attention_rows() {
  std::vector<OperationRow> rows;
  add(rows, {""}, {2, 5, 3}, {2, 4, 3}, {2, 4, 6});
  add(rows, {.name = "causal", .causal = true}, {4, 3}, {6, 3}, {6, 2});
  add(rows, {.name = "with a mask, scale -0.5", .masked = true, .scale = -0.5}, {2, 1, 6, 3}, {2, 1, 4, 3},
      {2, 1, 4, 3});
  add(rows, {.name = "causal, with a mask and dropout", .masked = true, .causal = true, .dropout = 0.5},
      {2, 7, 2}, {2, 5, 2}, {2, 5, 3});
  add_weights(rows, {""}, {2, 5, 3}, {2, 4, 3});
  add_weights(rows, {.name = "causal, with a mask", .masked = true, .causal = true}, {7, 2}, {6, 2});
  for (OperationRow& each : rows) each.float_tolerance = 1e-5;
  return rows;
}

std::vector<FurtherShapes> attention_shapes() {
  const std::vector<Shape> large{{16, 130, 20}, {16, 140, 20}, {16, 140, 12}};
  const auto with_dy = [](std::vector<Shape> shapes) {
    shapes.push_back(shapes[0]);
    shapes.back().back() = shapes[2].back();
    return shapes;
  };
  return {
      {"scaled_dot_product_attention",
       {{{2, 0, 3}, {2, 4, 3}, {2, 4, 6}},
        {{2, 5, 3}, {2, 0, 3}, {2, 0, 6}},
        {{2, 5, 0}, {2, 4, 0}, {2, 4, 6}},
        {{1, 1}, {1, 1}, {1, 1}}},
       {large}},
      {"scaled_dot_product_attention_gradient (of q)",
       {with_dy({{2, 0, 3}, {2, 4, 3}, {2, 4, 6}}), with_dy({{1, 1}, {3, 1}, {3, 1}})},
       {with_dy(large)}},
      {"scaled_dot_product_attention_gradient (of k)",
       {with_dy({{2, 5, 3}, {2, 0, 3}, {2, 0, 6}})},
       {with_dy(large)}},
      {"scaled_dot_product_attention_gradient (causal, of v)", {}, {with_dy(large)}},
      {"attention_weights", {{{2, 0, 3}, {2, 4, 3}}, {{2, 5, 0}, {2, 4, 0}}}, {{large[0], large[1]}}},
  };
}

std::vector<Refusal> attention_refusals() {
  return {
      {"scaled_dot_product_attention", {{3}, {4, 3}, {4, 3}}, {"[3]", "[4, 3]"}},
      {"scaled_dot_product_attention", {{}, {}, {}}, {"[]", "stacks"}},
      {"scaled_dot_product_attention",
       {{2, 5, 3}, {1, 4, 3}, {2, 4, 6}},
       {"axis 0", "[2, 5, 3]", "[1, 4, 3]", "[2, 4, 6]"}},
      {"scaled_dot_product_attention", {{5, 3}, {4, 2}, {4, 6}}, {"3 vs 2", "[5, 3]", "[4, 2]"}},
      {"scaled_dot_product_attention", {{5, 3}, {4, 3}, {5, 6}}, {"5 vs 4", "[4, 3]", "[5, 6]"}},
      {"scaled_dot_product_attention_gradient (of q)",
       {{5, 3}, {4, 3}, {4, 6}, {5, 5}},
       {"[5, 6]", "[5, 5]"}},
      {"scaled_dot_product_attention_gradient (of q)", {{}, {}, {}, {}}, {"[]"}},
      {"attention_weights", {{5, 3}, {4, 2}}, {"3 vs 2"}},
      {"attention_weights", {{}, {}}, {"[]"}},
  };
}

}  // namespace xgrad::testing
