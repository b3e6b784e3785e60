// What a page's program prints.
#pragma once

#include <ios>
#include <iostream>
#include <sstream>
#include <string>

namespace xgrad::testing {

/// What is written to std::cout while it lives.
class Printed {
 public:
  Printed() : console_(std::cout.rdbuf(text_.rdbuf())), digits_(std::cout.precision()) {}
  ~Printed() {
    std::cout.rdbuf(console_);
    std::cout.precision(digits_);
  }
  Printed(const Printed&) = delete;
  Printed& operator=(const Printed&) = delete;
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* console_;
  std::streamsize digits_;
};

}  // namespace xgrad::testing
