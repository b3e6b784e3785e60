// Every failure is an xgrad::Error: one sentence that names the operation, what is wrong, both shapes, and
// the way out.
//
// Destructors stand in a file of their own, so that no other object has a copy of them, of a table of virtual
// functions and of a type's name.
#pragma once

#include "language.hpp"

#include <stdexcept>
#include <string>

namespace xgrad {

/// What all of the library throws derives from it; what() is one sentence.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~Error() override;
};

/// Shapes, axes or extents do not fit.
class ShapeError : public Error {
 public:
  using Error::Error;
  ~ShapeError() override;
};

/// An argument has a value that the operation does not take.
class ValueError : public Error {
 public:
  using Error::Error;
  ~ValueError() override;
};

/// The graph cannot do what was asked: no gradient, a spent graph, a leaf expected.
class GraphError : public Error {
 public:
  using Error::Error;
  ~GraphError() override;
};

/// A NaN or Inf that DetectAnomaly has found.
class AnomalyError : public Error {
 public:
  using Error::Error;
  ~AnomalyError() override;
};

/// A function that compile() captures does what a program cannot do again.
class CaptureError : public Error {
 public:
  using Error::Error;
  ~CaptureError() override;
};

/// A file or stream could not be read or written.
class IoError : public Error {
 public:
  using Error::Error;
  ~IoError() override;
};

/// An inconsistency of the library's own; its text asks for a report.
class InternalError : public Error {
 public:
  explicit InternalError(const std::string& what);
  ~InternalError() override;
};

}  // namespace xgrad
