// Running a program on plain values, a block at a time, so that what lies between its steps never leaves the
// cache.
#pragma once

#include <span>

#include "broadcast_loop.hpp"
#include "symbol.hpp"

namespace xgrad::detail {

/// `inputs` broadcast to `shape`; those that the program does not read need no data. Each of `outs` takes one
/// result, of `shape`'s elements; where there is one result, it may go to an input's buffer of the same
/// shape.
template <class T>
void run_program(const Program& program, std::span<const Source> inputs, const Shape& shape,
                 std::span<T* const> outs);

}  // namespace xgrad::detail
