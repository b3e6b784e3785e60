// Random numbers: a counter-based generator, one a thread, and values filled from it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "../array/array.hpp"
#include "../array/extents.hpp"

namespace xgrad {

namespace detail {

/// Philox4x32-10: four random words from a counter and a key. Salmon et al., "Parallel random numbers: as
/// easy as 1, 2, 3", SC 2011.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key) noexcept;

}  // namespace detail

/// All that a Generator is: it has given `counter` numbers of the sequence `seed`.
struct GeneratorState {
  std::uint64_t seed = 0;
  std::uint64_t counter = 0;
  friend bool operator==(const GeneratorState&, const GeneratorState&) = default;
};

/// Random numbers that depend on a seed and a position alone: the same on every machine, and different seeds
/// give unrelated sequences. Not for two threads at once, and not for secrets.
class Generator {
 public:
  using result_type = std::uint64_t;  // it also serves as a generator of the standard's distributions

  explicit Generator(std::uint64_t seed) noexcept : state_{seed, 0} {}
  explicit Generator(const GeneratorState& state) noexcept : state_(state) {}

  GeneratorState state() const noexcept { return state_; }
  void set_state(const GeneratorState& state) noexcept { *this = Generator(state); }

  /// 64 random bits; moves on by one.
  std::uint64_t next() noexcept {
    // A block of Philox is two numbers; the second one is kept, unless the state was set in between.
    const bool second = state_.counter++ % 2 == 1;
    if (!second || !filled_) fill();
    return block_[second ? 1 : 0];
  }

  /// Uniform in [0, 1), a multiple of 2^-53; moves on by one.
  double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

  /// Of mean 0 and standard deviation 1; moves on by two.
  double normal() noexcept { return normal_pair()[0]; }

  /// Two independent normal numbers, by Box and Muller's transform; moves on by two.
  std::array<double, 2> normal_pair() noexcept;

  /// Uniform among 0 ... n - 1 without bias; moves on by one or more. ValueError if n is 0.
  std::uint64_t below(std::uint64_t n);

  static constexpr std::uint64_t min() noexcept { return 0; }
  static constexpr std::uint64_t max() noexcept { return ~std::uint64_t{0}; }
  std::uint64_t operator()() noexcept { return next(); }

 private:
  void fill() noexcept;

  GeneratorState state_;
  std::uint64_t block_[2] = {};  ///< the block that the last number came from
  bool filled_ = false;
};

/// This thread's generator. The first thread to ask for one has seed 0, later ones 1, 2 and so on, until
/// manual_seed.
Generator& generator();

/// Starts this thread's generator again, at the beginning of the sequence `seed`.
void manual_seed(std::uint64_t seed);
template <detail::NoInteger N>
void manual_seed(N seed) = delete;  // a seed is an integer

/// Elements uniform in [low, high), by default from this thread's generator, which moves on by their number.
/// T is float or double. ValueError if low is above high, or they are not a finite distance apart.
template <class T>
Array<T> random_uniform(const Extents& shape, double low, double high, Generator& from = generator());

/// Normally distributed elements, by default from this thread's generator, which moves on by their number,
/// rounded up to an even one. ValueError if the deviation is negative, or one of the two not finite.
template <class T>
Array<T> random_normal(const Extents& shape, double mean, double deviation, Generator& from = generator());

/// 0 ... n - 1 in random order, each order as likely as any other.
std::vector<std::size_t> permutation(std::size_t n, Generator& from = generator());

}  // namespace xgrad
