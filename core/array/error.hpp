// Every failure is an xgrad::Error: one sentence that names the operation, what is wrong, both shapes, and
// the way out.
#pragma once

#include "language.hpp"

#include <stdexcept>
#include <string>

namespace xgrad {

/// What all of the library throws derives from it; what() is one sentence.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shapes, axes or extents do not fit.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// An argument has a value that the operation does not take.
class ValueError : public Error {
 public:
  using Error::Error;
};

/// The graph cannot do what was asked: no gradient, a spent graph, a leaf expected.
class GraphError : public Error {
 public:
  using Error::Error;
};

/// A NaN or Inf that DetectAnomaly has found.
class AnomalyError : public Error {
 public:
  using Error::Error;
};

/// A file or stream could not be read or written.
class IoError : public Error {
 public:
  using Error::Error;
};

/// An inconsistency of the library's own; its text asks for a report.
class InternalError : public Error {
 public:
  explicit InternalError(const std::string& what)
      : Error(what + "; this is a bug in xgrad, please report it with the program that led here") {}
};

}  // namespace xgrad
