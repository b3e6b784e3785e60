// Elementwise operations on single numbers, as a list that one loop performs, forward and backward.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "../core/formula/elementwise.hpp"
#include "scalar_runs.hpp"

namespace xgrad::detail {

/// Numbers of one element type: inputs, constants, and what operations make of earlier ones. Each has a value
/// and an adjoint. Both passes give the bits that the dynamic graph gives: every operation is its formula,
/// read on one number, or its kernel, and shares are added to an adjoint in the order of a sweep. Operations
/// that are equal are performed once; their adjoints stay apart, since a sum of shares depends on its order.
template <class T>
class ScalarCode {
 public:
  using Number = std::uint32_t;

  Number add_input();
  Number add_constant(T value);
  /// A library operation; a bit in `wanted` for each input that it gives a share to.
  Number add_operation(const Elementwise& operation, std::span<const Number> inputs, std::uint32_t wanted);
  /// Once all is added.
  void seal();

  void set(Number input, T value) noexcept { values_[entries_[input].place] = value; }
  T value(Number number) const noexcept { return values_[entries_[number].place]; }
  void forward();

  /// The way back from the numbers that have been given an adjoint.
  class Way {
   public:
    /// Inputs that shares arrive at.
    const std::vector<Number>& inputs() const noexcept { return inputs_; }

   private:
    friend class ScalarCode;
    std::vector<Number> from_, inputs_;
    std::vector<ScalarRun> runs_;
    std::vector<ScalarShare> shares_;
    std::vector<ScalarCall> calls_;
  };
  /// Made when it is first asked for; valid until another is.
  const Way& way_from(std::span<const Number> given);

  /// Adds to it, which for the first is to set it.
  void give(Number number, T share) noexcept { adjoints_[number] += share; }
  T adjoint(Number number) const noexcept { return adjoints_[number]; }
  T take_adjoint(Number number) noexcept;
  /// Leaves the adjoints of the inputs alone, to be taken.
  void backward(const Way& way);
  /// The same, with a call for each operation when its shares have been given.
  template <class F>
  void backward(const Way& way, const F& after) {
    const ScalarShare* at = way.shares_.data();
    for (const ScalarRun& run : way.runs_)
      for (std::uint32_t k = 0; k < run.count; ++k, ++at) {
        give_shares(way, {run.code, 1}, at);
        after(at->dy);
      }
  }
  /// Those that `number` gives a share to.
  template <class F>
  void for_wanted(Number number, const F& f) const {
    const Entry& entry = entries_[number];
    for (std::uint32_t k = 0; k < entry.count; ++k)
      if (entry.wanted >> k & 1) f(entry.inputs[k]);
  }
  /// Forgets all adjoints, after a failure.
  void clear_adjoints() noexcept;

 private:
  static constexpr std::size_t most = kernels::max_inputs;
  struct Entry {
    const Elementwise* operation = nullptr;  ///< none for inputs and constants
    std::array<Number, most> inputs{};
    std::uint32_t count = 0, wanted = 0;
    std::uint32_t place = 0;  ///< of its value
  };
  using Key = std::tuple<const Elementwise*, std::array<std::uint32_t, most>>;

  Number add(const Entry& entry);
  std::uint32_t place_for(T value);
  std::array<std::uint32_t, most> places_of(const Entry& entry) const;
  void order_forward();
  Way make_way(std::span<const Number> given);
  void add_share(Way& way, Number number);
  void give_shares(const Way& way, ScalarRun run, const ScalarShare* at);

  std::vector<Entry> entries_;
  std::vector<T> values_, adjoints_;
  std::vector<ScalarRun> runs_;
  std::vector<ScalarStep> steps_;
  std::vector<ScalarCall> calls_;
  std::vector<Way> ways_;
  // While operations are added.
  std::map<Key, std::uint32_t> known_;
  std::map<std::uint64_t, std::uint32_t> constants_;
  std::vector<Entry> performed_;  ///< one for each that differs
};

extern template class ScalarCode<float>;
extern template class ScalarCode<double>;

}  // namespace xgrad::detail
