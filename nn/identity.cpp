#include "identity.hpp"

namespace xgrad::nn {

template class Identity<float>;
template class Identity<double>;

}  // namespace xgrad::nn
