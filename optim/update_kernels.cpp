#include "update_kernels.hpp"

#include <limits>

#include "update_formula.hpp"

namespace xgrad::kernels {
namespace {

template <class P>
struct Scale {
  static constexpr bool keeps[max_slots] = {};
  P factor;
  explicit Scale(const ScaleStep& step) : factor(step.factor) {}
  P operator()(const P& p, const P&, P*) const { return p * factor; }
};

template <class T>
void update(const UpdateLoop& loop, const ScaleStep& step) {
  update_all<T>(loop, Scale<Pack<T, Isa>>(step));
}

template <class P>
struct Clamp {
  static constexpr bool keeps[max_slots] = {};
  P limit;
  explicit Clamp(const ClampStep& step) : limit(step.limit) {}
  P operator()(const P& p, const P&, P*) const { return maximum(minimum(p, limit), -limit); }
};

template <class T>
void update(const UpdateLoop& loop, const ClampStep& step) {
  update_all<T>(loop, Clamp<Pack<T, Isa>>(step));
}

template <class P>
struct Approach {
  static constexpr bool keeps[max_slots] = {};
  // Of a number p its last place is between eps/2 |p| and eps |p|, and so 5/8 eps |p|, added and rounded, is
  // one.
  static constexpr auto unit = std::numeric_limits<typename P::value_type>::epsilon() * 5 / 8;
  static constexpr auto largest = std::numeric_limits<typename P::value_type>::max();
  P share, rest;
  explicit Approach(const ApproachStep& step) : share(step.share), rest(1 - step.share) {}
  P operator()(const P& p, const P& g, P*) const {
    const P way = g - p, moved = fma(share, way, p);
    const P pushed = select(moved == p, p + copysign(P(unit) * p, way), moved);
    // Of what is infinite, or too far off for a difference, the parts are added.
    return select(abs(way) <= P(largest), select(g == p, p, pushed), fma(share, g, rest * p));
  }
};

template <class T>
void update(const UpdateLoop& loop, const ApproachStep& step) {
  update_all<T>(loop, Approach<Pack<T, Isa>>(step));
}

}  // namespace

template <>
const UpdateKernels<ScaleStep>* update_kernels<Isa, ScaleStep>() {
  static constexpr UpdateKernels<ScaleStep> kernels = {{&update<float>, &update<double>}};
  return &kernels;
}
template <>
const UpdateKernels<ClampStep>* update_kernels<Isa, ClampStep>() {
  static constexpr UpdateKernels<ClampStep> kernels = {{&update<float>, &update<double>}};
  return &kernels;
}
template <>
const UpdateKernels<ApproachStep>* update_kernels<Isa, ApproachStep>() {
  static constexpr UpdateKernels<ApproachStep> kernels = {{&update<float>, &update<double>}};
  return &kernels;
}

}  // namespace xgrad::kernels
