// Files of named arrays, in the format that their ending chooses.
#pragma once

#include "contents.hpp"
#include "save.hpp"

namespace xgrad::io {

/// As save_arrays; `format` is the metadata's, where there are metadata.
template <class T>
void write_arrays(const NamedArrays<T>& arrays, const std::string& path, const std::string& format);

/// Errors as load_arrays.
template <class T>
Contents<T> read_contents(const std::string& path, const Wanted& wanted);

}  // namespace xgrad::io
