#include "embedding.hpp"

#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>
#include <type_traits>

#include "../core/graph/capture.hpp"
#include "../core/kernels/random.hpp"
#include "../ops/embedding.hpp"

namespace xgrad::nn {
using namespace xgrad::detail;

namespace {

/// Below it each whole number is a T.
template <class T>
constexpr T every_whole = T(std::int64_t{1} << std::numeric_limits<T>::digits);

template <class T>
[[noreturn]] void refuse(T number, std::size_t count) {
  std::ostringstream text;
  text << "Embedding: ";
  if (std::isfinite(number) && number == std::floor(number))
    text << std::fixed << std::setprecision(0) << number << " as a "
         << (std::is_same_v<T, float> ? "float" : "double")
         << " may have been another whole number; give Indices";
  else
    text << number << " is no index; give whole numbers from 0 to " << count - 1;
  throw ValueError(text.str());
}

}  // namespace

template <class T>
Embedding<T>::Embedding(Count count, Count dimension) {
  if (count.number() < 1 || dimension.number() < 1)
    throw ValueError("Embedding: " + std::to_string(count.number()) + " vectors of " +
                     std::to_string(dimension.number()) + " elements; both must be at least 1");
  check_possible("Embedding", Shape{count, dimension});
  weight_ = this->register_parameter("weight", random_normal<T>(Shape{count, dimension}, 0, 1));
}

template <class T>
Variable<T> Embedding<T>::operator()(const IndexInput& indices) {
  return this->call([&] { return embedding(weight_, indices); });
}

template <class T>
Variable<T> Embedding<T>::forward(const Variable<T>& x) {
  check_stays("Embedding", x.node());
  Dense<std::int64_t> indices(x.shape());
  std::int64_t* out = indices.mutable_data();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T number = x.dense().data()[i];
    if (!(std::fabs(number) < every_whole<T>) || number != std::floor(number)) refuse(number, count());
    out[i] = static_cast<std::int64_t>(number);
  }
  return embedding(weight_, IndexInput(std::move(indices)));
}

template class Embedding<float>;
template class Embedding<double>;

}  // namespace xgrad::nn
