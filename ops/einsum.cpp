#include "einsum.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "arrange.hpp"
#include "linear_algebra.hpp"
#include "operators.hpp"
#include "reduction.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;
using Letters = std::string;

bool has(const Letters& letters, char letter) { return letters.find(letter) != Letters::npos; }

/// The letters of `a` that are, or are not, in `b`, in a's order.
Letters common(const Letters& a, const Letters& b, bool in_both = true) {
  Letters chosen;
  for (char letter : a)
    if (has(b, letter) == in_both) chosen += letter;
  return chosen;
}
Letters without(const Letters& a, const Letters& b) { return common(a, b, false); }

/// 'j', for messages.
std::string quoted(char letter) { return std::string("'") + letter + "'"; }

struct Subscripts {
  std::string text;  ///< as given
  std::vector<Letters> terms;
  Letters result;

  [[noreturn]] void fail(const std::string& what) const {
    throw ValueError("einsum: \"" + text + "\": " + what);
  }
};

/// The letters that stand once in all terms together, sorted.
Letters implied_result(const std::vector<Letters>& terms) {
  Letters every, once;
  for (const Letters& term : terms) every += term;
  for (char letter : every)
    if (std::count(every.begin(), every.end(), letter) == 1) once += letter;
  std::sort(once.begin(), once.end());
  return once;
}

void check_result(const Subscripts& read) {
  for (char letter : read.result) {
    const auto stands_in = [&](const Letters& term) { return has(term, letter); };
    if (std::none_of(read.terms.begin(), read.terms.end(), stands_in))
      read.fail("subscript " + quoted(letter) + " of the result is in no term; take it out");
    if (std::count(read.result.begin(), read.result.end(), letter) > 1)
      read.fail("subscript " + quoted(letter) + " stands twice in the result; name each axis once");
  }
}

Subscripts read_subscripts(std::string_view given) {
  Subscripts read{std::string(given), {{}}, {}};
  bool after_arrow = false;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char c = given[i];
    if (c == ' ') continue;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      (after_arrow ? read.result : read.terms.back()) += c;
    } else if (c == ',' && !after_arrow) {
      read.terms.emplace_back();
    } else if (given.substr(i, 2) == "->" && !after_arrow) {
      after_arrow = true;
      ++i;
    } else if (c == '.') {
      read.fail("an ellipsis is not supported; give every axis a letter");
    } else {
      read.fail(quoted(c) + " at position " + std::to_string(i) +
                " has no meaning there; write letters and commas, then \"->\" and letters at most once");
    }
  }
  if (after_arrow)
    check_result(read);
  else
    read.result = implied_result(read.terms);
  return read;
}

template <class V>
void check_operands(const Subscripts& read, const std::vector<V>& operands) {
  if (read.terms.size() != operands.size())
    read.fail(std::to_string(read.terms.size()) + " terms for " + std::to_string(operands.size()) +
              " operands; give one term for each");
  struct Seen {
    std::size_t extent = 0, operand = 0;
    bool is_set = false;
  } seen[128];
  const auto fail = [&](const std::string& what) {
    throw ShapeError("einsum: \"" + read.text + "\": " + what);
  };
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Letters& term = read.terms[i];
    const Shape& shape = shape_of(operands[i]);
    if (term.size() != shape.size())
      fail("term \"" + term + "\" has " + std::to_string(term.size()) + " subscripts for operand " +
           std::to_string(i) + " of shape " + to_string(shape) + "; give one for each axis");
    for (std::size_t axis = 0; axis < term.size(); ++axis) {
      Seen& first = seen[static_cast<unsigned char>(term[axis])];
      if (!first.is_set) first = {shape[axis], i, true};
      if (first.extent != shape[axis])
        fail("subscript " + quoted(term[axis]) + " is " + std::to_string(first.extent) + " in operand " +
             std::to_string(first.operand) + " of shape " + to_string(shape_of(operands[first.operand])) +
             " and " + std::to_string(shape[axis]) + " in operand " + std::to_string(i) + " of shape " +
             to_string(shape) + "; make the extents equal");
    }
  }
}

/// A value, and a letter for each of its axes.
template <class V>
struct Term {
  V value;
  Letters letters;

  std::size_t extent(char letter) const { return shape_of(value)[letters.find(letter)]; }
  std::size_t extent(const Letters& several) const {
    std::size_t product = 1;
    for (char letter : several) product *= extent(letter);
    return product;
  }
};

template <class V>
Term<V> arranged(Term<V> term, const Letters& order) {
  if (term.letters == order) return term;
  Axes axes;
  for (char letter : order) axes.push_back(static_cast<std::ptrdiff_t>(term.letters.find(letter)));
  return {permute(term.value, axes), order};
}

/// Takes diagonals, whose axis comes last, until no letter stands twice.
template <class V>
Term<V> with_distinct_letters(Term<V> term) {
  for (std::size_t first = 0; first < term.letters.size(); ++first) {
    const std::size_t second = term.letters.find(term.letters[first], first + 1);
    if (second == Letters::npos) continue;
    Letters letters = term.letters + term.letters[first];
    letters.erase(second, 1);
    letters.erase(first, 1);
    return with_distinct_letters(Term<V>{
        diagonal(term.value, 0, static_cast<std::ptrdiff_t>(first), static_cast<std::ptrdiff_t>(second)),
        letters});
  }
  return term;
}

/// Sums over the axes whose letters are not kept.
template <class V>
Term<V> summed(Term<V> term, const Letters& kept) {
  Axes axes;
  for (std::size_t axis = 0; axis < term.letters.size(); ++axis)
    if (!has(kept, term.letters[axis])) axes.push_back(static_cast<std::ptrdiff_t>(axis));
  if (axes.empty()) return term;
  return {sum(term.value, {.axes = axes}), common(term.letters, kept)};
}

/// The product of two terms, summed over the letters that both have and nobody needs afterwards: a stack of
/// matrix products. A factor that lies transposed is multiplied as it lies.
template <class V>
Term<V> joined(Term<V> a, Term<V> b, const Letters& kept) {
  const Letters shared = common(a.letters, b.letters);
  const Letters batch = common(shared, kept), inner = without(shared, kept);
  const Letters rows = without(a.letters, b.letters), columns = without(b.letters, a.letters);
  const bool transpose_a = !inner.empty() && a.letters == batch + inner + rows;
  const bool transpose_b = !inner.empty() && b.letters == batch + columns + inner;
  const std::size_t count = a.extent(batch), m = a.extent(rows), k = a.extent(inner), n = b.extent(columns);

  Shape shape;
  for (char letter : batch + rows) shape.push_back(a.extent(letter));
  for (char letter : columns) shape.push_back(b.extent(letter));
  check_possible("einsum", shape, shape_of(a.value), shape_of(b.value));
  const auto matrices = [&](std::size_t height, std::size_t width) {
    return batch.empty() ? Shape{height, width} : Shape{count, height, width};
  };
  V left = arranged(std::move(a), transpose_a ? batch + inner + rows : batch + rows + inner).value;
  V right = arranged(std::move(b), transpose_b ? batch + columns + inner : batch + inner + columns).value;
  left = reshape(std::move(left), transpose_a ? matrices(k, m) : matrices(m, k));
  right = reshape(std::move(right), transpose_b ? matrices(n, k) : matrices(k, n));
  V product = inner.empty() ? left * right : matmul(left, right, {transpose_a, transpose_b});
  return {reshape(std::move(product), shape), batch + rows + columns};
}

}  // namespace

template <Tensor V>
V einsum(std::string_view given, const std::vector<V>& operands) {
  const Subscripts read = read_subscripts(given);
  check_operands(read, operands);
  // What follows a term: the letters of all later terms, and of the result.
  std::vector<Letters> later(operands.size(), read.result);
  for (std::size_t i = operands.size() - 1; i > 0; --i) later[i - 1] = later[i] + read.terms[i];

  Letters before;
  Term<V> result;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    Term<V> next = summed(with_distinct_letters(Term<V>{operands[i], read.terms[i]}), before + later[i]);
    before += read.terms[i];
    if (i == 0) {
      result = std::move(next);
      continue;
    }
    // The last product gives its rows first: those of the factor that the result starts with.
    const Letters free =
        common(read.result, without(result.letters + next.letters, common(result.letters, next.letters)));
    if (i + 1 == operands.size() && !free.empty() && has(next.letters, free[0])) std::swap(result, next);
    result = joined(std::move(result), std::move(next), later[i]);
  }
  return detail::as_result(arranged(std::move(result), read.result).value);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors(
    []<class V>() { return instantiate::overload<V(std::string_view, const std::vector<V>&)>(einsum); });

}  // namespace xgrad
