// Arrays as xtensor prints them. The one file that includes its printing, which is slow to compile.
#include <ostream>

#if __has_include(<xtensor/io/xio.hpp>)
#include <xtensor/io/xio.hpp>
#else
#include <xtensor/xio.hpp>
#endif

#include "array.hpp"
#include "instantiate.hpp"

namespace xgrad::detail {

template <class T>
std::ostream& print(std::ostream& out, const Array<T>& array) {
  check_whole(array);
  return xt::operator<<(out, static_cast<const xt::xexpression<Array<T>>&>(array));
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_types<bool, float, double, int, long, long long, unsigned, unsigned long, unsigned char>(
        []<class T>() { return print<T>; });

}  // namespace xgrad::detail
