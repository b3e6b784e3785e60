// Arrays as xtensor prints them. The one file that includes its printing, which is slow to compile.
#include <ostream>

#if __has_include(<xtensor/io/xio.hpp>)
#include <xtensor/io/xio.hpp>
#else
#include <xtensor/xio.hpp>
#endif

#include "array.hpp"

namespace xgrad::detail {

template <class T>
std::ostream& print(std::ostream& out, const Array<T>& array) {
  return xt::operator<<(out, static_cast<const xt::xexpression<Array<T>>&>(array));
}

template std::ostream& print(std::ostream&, const Array<bool>&);
template std::ostream& print(std::ostream&, const Array<float>&);
template std::ostream& print(std::ostream&, const Array<double>&);
template std::ostream& print(std::ostream&, const Array<int>&);
template std::ostream& print(std::ostream&, const Array<long>&);
template std::ostream& print(std::ostream&, const Array<long long>&);
template std::ostream& print(std::ostream&, const Array<unsigned>&);
template std::ostream& print(std::ostream&, const Array<unsigned long>&);
template std::ostream& print(std::ostream&, const Array<unsigned char>&);

}  // namespace xgrad::detail
