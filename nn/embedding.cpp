#include "embedding.hpp"

#include <cmath>
#include <sstream>

#include "../core/graph/capture.hpp"
#include "../core/kernels/random.hpp"
#include "../ops/embedding.hpp"

namespace xgrad::nn {
using namespace xgrad::detail;

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
    if (!(std::fabs(number) < T(0x1p53)) || number != std::floor(number)) {
      std::ostringstream text;
      text << "Embedding: " << number << " is no index; give whole numbers from 0 to " << count() - 1;
      throw ValueError(text.str());
    }
    out[i] = static_cast<std::int64_t>(number);
  }
  return embedding(weight_, IndexInput(std::move(indices)));
}

template class Embedding<float>;
template class Embedding<double>;

}  // namespace xgrad::nn
