#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/einsum.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xg::testing::random_variable;

namespace {

using Var = xg::Variable<double>;
using Extents = std::map<char, std::size_t>;
using Terms = std::vector<std::string>;

xg::Shape shape_of(const std::string& letters, const Extents& extents) {
  xg::Shape shape;
  for (char letter : letters) shape.push_back(extents.at(letter));
  return shape;
}

std::vector<Var> operands(const Terms& terms, const Extents& extents, std::uint64_t seed) {
  std::vector<Var> made;
  for (const std::string& term : terms) made.push_back(random_variable(shape_of(term, extents), seed++));
  return made;
}

std::size_t offset(const std::string& letters, const Extents& extents, const Extents& index) {
  std::size_t place = 0;
  for (char letter : letters) place = place * extents.at(letter) + index.at(letter);
  return place;
}

/// One loop for every letter.
std::vector<double> by_loops(const Terms& terms, const std::string& result, const Extents& extents,
                             const std::vector<Var>& in) {
  std::vector<double> out(xg::element_count(shape_of(result, extents)), 0);
  std::size_t count = 1;
  for (const auto& [letter, extent] : extents) count *= extent;
  for (std::size_t number = 0; number < count; ++number) {
    Extents index;
    std::size_t left = number;
    for (const auto& [letter, extent] : extents) {
      index[letter] = left % extent;
      left /= extent;
    }
    double product = 1;
    for (std::size_t i = 0; i < terms.size(); ++i)
      product *= in[i].dense().data()[offset(terms[i], extents, index)];
    out[offset(result, extents, index)] += product;
  }
  return out;
}

Terms split_terms(const std::string& text) {
  Terms terms{""};
  for (char c : text) {
    if (c == ',')
      terms.emplace_back();
    else
      terms.back() += c;
  }
  return terms;
}

/// The extents of the letters that occur: 2, 3, 4 and 2 again, ...
Extents extents_of(const std::string& letters) {
  Extents extents;
  for (char letter : letters)
    if (letter != ',') extents.emplace(letter, 2 + extents.size() % 3);
  return extents;
}

void check_value(const std::string& terms_text, const std::string& result) {
  const Terms terms = split_terms(terms_text);
  const Extents extents = extents_of(terms_text);
  const auto in = operands(terms, extents, 1);
  const Var y = xg::einsum(terms_text + "->" + result, in);
  REQUIRE(y.shape() == shape_of(result, extents));
  const auto expected = by_loops(terms, result, extents, in);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("element " << i);
    REQUIRE(std::fabs(y.dense().data()[i] - expected[i]) < 1e-12);
  }
}

void check_gradients(const std::string& terms_text, const std::string& result) {
  const auto in = operands(split_terms(terms_text), extents_of(terms_text), 1);
  const auto report = xg::gradcheck(
      [&](const std::vector<Var>& list) { return xg::square(xg::einsum(terms_text + "->" + result, list)); },
      in, {.second_order = true, .max_elements = 10});
  INFO(report);
  CHECK(report.ok());
}

template <class Error>
std::string message_of(const std::string& subscripts, const std::vector<xg::Shape>& shapes) {
  std::vector<Var> in;
  for (const xg::Shape& shape : shapes) in.push_back(random_variable(shape, 1));
  return xg::testing::message_of<Error>([&] { xg::einsum(subscripts, in); });
}

}  // namespace

TEST_CASE("einsum gives what a loop for every letter gives, and its gradients") {
  const std::string cases[][2] = {
      {"i", "i"},
      {"i", ""},
      {"ij", "ji"},
      {"ij", "j"},
      {"ii", "i"},
      {"ii", ""},
      {"iji", "j"},
      {"iij", "ji"},
      {"ijij", "ij"},
      {"iii", "i"},
      {"ij,jk", "ik"},
      {"ij,jk", "ki"},
      {"ji,jk", "ik"},
      {"ij,kj", "ik"},
      {"ji,kj", "ki"},
      {"bij,bjk", "bik"},
      {"bij,bkj", "bik"},
      {"bji,bkj", "kbi"},
      {"ibj,jbk", "ikb"},
      {"i,i", ""},
      {"i,i", "i"},
      {"i,j", "ij"},
      {"i,j", "ji"},
      {"i,j", ""},
      {"bi,bj", "bij"},
      {"bi,bi", "b"},
      {"bi,bj", "bji"},
      {"ij,ij", ""},
      {"ij,ji", ""},
      {"ij,ij", "ij"},
      {"ijk,jkl", "il"},
      {"ijk,kjl", "il"},
      {"i,ij,j", ""},
      {"ij,jk,kl", "il"},
      {"ij,jk,ki", ""},
      {"ai,bi,ci", "abc"},
      {"ii,ij", "j"},
      {"ij,kk", "ij"},
      {",i", "i"},
      {"ij,", "ji"},
      {"bhqd,bhkd", "bhqk"},
      {"bqhd,bkhd", "bhqk"},
      {"ij,k", "j"},
      {"ij,jk", "j"},
      {"aB,Bc", "ca"},
  };
  for (const auto& each : cases) {
    const std::string &terms = each[0], &result = each[1];
    INFO("seed 1: " << terms << "->" << result);
    check_value(terms, result);
    check_gradients(terms, result);
  }
}

TEST_CASE("einsum of random subscripts gives what loops give") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    xg::Generator from(seed);
    std::string terms, result;
    for (std::size_t i = 0, count = 1 + from.below(3); i < count; ++i) {
      if (i > 0) terms += ',';
      for (std::size_t axes = from.below(5); axes > 0; --axes)
        terms += static_cast<char>('a' + from.below(5));
    }
    for (char letter : terms)
      if (letter != ',' && result.find(letter) == std::string::npos && from.below(2) == 1)
        result.insert(result.begin() + static_cast<std::ptrdiff_t>(from.below(result.size() + 1)), letter);
    INFO("seed " << seed << ": " << terms << "->" << result);
    check_value(terms, result);
  }
}

TEST_CASE("without an arrow the letters that occur once are the result's, in order") {
  const auto shape = [](const std::string& text) {
    return xg::einsum(text, operands(split_terms(text), {{'i', 2}, {'j', 3}, {'k', 4}, {'Z', 5}}, 1)).shape();
  };
  CHECK(shape("ij,jk") == xg::Shape{2, 4});
  CHECK(shape("kj,ji") == xg::Shape{2, 4});
  CHECK(shape("ji") == xg::Shape{2, 3});
  CHECK(shape("ii") == xg::Shape{});
  CHECK(shape("iZ") == xg::Shape{5, 2});
  CHECK(xg::einsum(" i j , j k -> i k ", {random_variable({2, 3}, 1), random_variable({3, 4}, 2)}).shape() ==
        xg::Shape{2, 4});
}

TEST_CASE("einsum of empty axes is empty, or zeros where there is nothing to sum") {
  CHECK(xg::einsum("ij,jk->ik", {random_variable({2, 0}, 1), random_variable({0, 3}, 2)}).value() ==
        xt::zeros<double>({2, 3}));
  CHECK(xg::einsum("bij,bjk->bik", {random_variable({0, 2, 3}, 1), random_variable({0, 3, 4}, 2)}).shape() ==
        xg::Shape{0, 2, 4});
  CHECK(xg::einsum("ii->i", {random_variable({0, 0}, 1)}).shape() == xg::Shape{0});
  CHECK(xg::einsum("i,i->", {random_variable({0}, 1), random_variable({0}, 2)}).item() == 0);
}

TEST_CASE("einsum's errors name the subscript") {
  CHECK(message_of<xg::ShapeError>("ij,jk->ik", {{2, 3}, {4, 5}}) ==
        "einsum: \"ij,jk->ik\": subscript 'j' is 3 in operand 0 of shape [2, 3] and 4 in operand 1 of shape "
        "[4, 5]; make the extents equal");
  CHECK(message_of<xg::ShapeError>("ii", {{2, 3}}) ==
        "einsum: \"ii\": subscript 'i' is 2 in operand 0 of shape [2, 3] and 3 in operand 0 of shape [2, 3]; "
        "make the extents equal");
  CHECK(message_of<xg::ShapeError>("ij,jk", {{2, 3}, {3}}) ==
        "einsum: \"ij,jk\": term \"jk\" has 2 subscripts for operand 1 of shape [3]; give one for each axis");
  CHECK(message_of<xg::ValueError>("ij,jk", {{2, 3}}) ==
        "einsum: \"ij,jk\": 2 terms for 1 operands; give one term for each");
  CHECK(message_of<xg::ValueError>("ij->ik", {{2, 3}}) ==
        "einsum: \"ij->ik\": subscript 'k' of the result is in no term; take it out");
  CHECK(message_of<xg::ValueError>("ij->ii", {{2, 3}}) ==
        "einsum: \"ij->ii\": subscript 'i' stands twice in the result; name each axis once");
  CHECK(message_of<xg::ValueError>("...i", {{2}}) ==
        "einsum: \"...i\": an ellipsis is not supported; give every axis a letter");
  CHECK(message_of<xg::ValueError>("i1", {{2, 2}}) ==
        "einsum: \"i1\": '1' at position 1 has no meaning there; write letters and commas, then \"->\" and "
        "letters at most once");
  for (const char* text : {"i-", "i>", "i->i->i", "i->i,", "i->-"})
    CHECK(message_of<xg::ValueError>(text, {{2}}).find("has no meaning there") != std::string::npos);
}
