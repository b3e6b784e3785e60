#include "state.hpp"

#include <cmath>
#include <sstream>

namespace xgrad::optim {
namespace {

/// How many elements number_array has.
template <class T>
constexpr std::size_t number_size = std::is_same_v<T, double> ? 1 : 4;

double number_from(const double* parts) { return parts[0]; }

double number_from(const float* parts) {
  const double fraction = static_cast<double>(parts[1]) + parts[2] + parts[3];
  // An exponent beyond these is none that number_array wrote: the result is infinite or 0.
  return std::ldexp(fraction, static_cast<int>(std::fmax(-5000, std::fmin(parts[0], 5000))));
}

}  // namespace

template <>
Array<double> number_array<double>(double number) {
  return to_array(Dense<double>::filled(Shape{1}, number));
}

template <>
Array<float> number_array<float>(double number) {
  int exponent = 0;
  double rest = std::isfinite(number) ? std::frexp(number, &exponent) : number;
  Dense<float> parts(Shape{number_size<float>});
  float* const out = parts.mutable_data();
  out[0] = static_cast<float>(exponent);
  for (std::size_t i = 1; i < number_size<float>; ++i) {
    out[i] = static_cast<float>(rest);
    rest = std::isfinite(number) ? rest - out[i] : 0;
  }
  return to_array(std::move(parts));
}

template <class T>
StateReader<T>::StateReader(std::string owner, const std::vector<NamedArray<T>>& state)
    : owner_(std::move(owner)) {
  for (const auto& [name, array] : state) {
    if (!arrays_.emplace(name, to_dense(array)).second)
      throw ValueError(owner_ + ": the state has '" + name + "' twice; keep one of the two");
    names_.push_back(name);
  }
}

template <class T>
Dense<T> StateReader<T>::take(const std::string& name) {
  auto found = arrays_.extract(name);
  if (found.empty())
    throw ValueError(owner_ + ": the state has no '" + name + "'; load what state() of the same kind of " +
                     owner_ + " gave, made with the same groups and options");
  return std::move(found.mapped());
}

template <class T>
Dense<T> StateReader<T>::array(const std::string& name, const Shape& shape) {
  Dense<T> value = take(name);
  if (!(value.shape == shape))
    throw ShapeError(owner_ + ": '" + name + "' of the state is " + to_string(value.shape) + ", not " +
                     to_string(shape) +
                     " as here; list the parameters in the order in which they were saved");
  return value;
}

template <class T>
double StateReader<T>::number(const std::string& name) {
  return number_from(array(name, Shape{number_size<T>}).data());
}

template <class T>
std::uint64_t StateReader<T>::count(const std::string& name) {
  const double value = number(name);
  if (!(value >= 0 && value <= 0x1p53 && std::floor(value) == value)) {
    std::ostringstream text;
    text << owner_ << ": '" << name << "' of the state is " << value
         << "; it must be a whole number, 0 or more";
    throw ValueError(text.str());
  }
  return static_cast<std::uint64_t>(value);
}

template <class T>
void StateReader<T>::finish() const {
  for (const std::string& name : names_)
    if (arrays_.contains(name))
      throw ValueError(owner_ + ": nothing here is called '" + name +
                       "' as in the state; load it into what has the same groups and options");
}

template class StateReader<float>;
template class StateReader<double>;

}  // namespace xgrad::optim
