#include "dropout_kernels.hpp"

#include "../core/kernels/axis_loop.hpp"
#include "../core/kernels/simd/philox.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;
using Lanes = simd::Lanes<Isa>;
using Doubles64 = simd::Pack<double, Isa>;

/// The scale in lanes whose word is no less than the threshold, 0 in the others. The sign of the difference
/// makes the mask, since not every instruction set compares words of 64 bits.
Doubles64 factors(const Lanes& word, std::uint64_t threshold, std::uint64_t scale_bits) {
  using Batch = Lanes::Batch;
  const Batch below = ((word.of & Batch(std::uint64_t{0xffffffffu})) - Batch(threshold)) >> 63;
  const Batch kept = (below - Batch(std::uint64_t{1})) & Batch(scale_bits);
  return Doubles64(simd::cast_bits<double>(kept));
}

/// What to multiply the elements at 16 k + j of a group with: for doubles a register of blocks is a pack, for
/// floats two are.
template <class T>
struct Factors {
  static constexpr std::size_t parts = simd::Pack<T, Isa>::width / Lanes::width;
  Lanes words[parts][4];

  Factors(std::uint64_t block, std::uint64_t key) {
    for (std::size_t part = 0; part < parts; ++part)
      simd::philox(block + part * Lanes::width, key, words[part]);
  }
  simd::Pack<T, Isa> at(std::size_t k, std::uint64_t threshold, std::uint64_t scale_bits) const {
    const Doubles64 low = factors(words[0][k], threshold, scale_bits);
    if constexpr (parts == 1) {
      return low;
    } else {
      return join(low, factors(words[1][k], threshold, scale_bits));
    }
  }
};

template <class T>
void dropout_kernel(const DropoutElements& all) {
  using P = simd::Pack<T, Isa>;
  const std::uint64_t scale_bits = __builtin_bit_cast(std::uint64_t, all.scale);
  for (std::size_t first = 0; first < all.count; first += dropout_group) {
    const T* x = static_cast<const T*>(all.x) + first;
    T* out = static_cast<T*>(all.out) + first;
    const std::size_t left = all.count - first;
    const std::uint64_t block = all.first_block + first / dropout_group * blocks_of_a_group;
    for (std::size_t j = 0; j < blocks_of_a_group; j += P::width) {
      const Factors<T> factors_at(block + j, all.key);
      for (std::size_t k = 0; k < 4; ++k) {
        const std::size_t i = blocks_of_a_group * k + j;
        if (i >= left) break;
        const P factor = factors_at.at(k, all.threshold, scale_bits);
        const auto write = [&](const auto& reader) { reader.store(reader.load(x + i) * factor, out + i); };
        left - i < P::width ? write(PartOfPack<P>{left - i}) : write(WholePack<P>{});
      }
    }
  }
}

}  // namespace

template <>
const DropoutKernels* dropout_kernels<simd::Isa>() {
  static constexpr DropoutKernels all = {{&dropout_kernel<float>, &dropout_kernel<double>}};
  return &all;
}

}  // namespace xgrad::kernels
