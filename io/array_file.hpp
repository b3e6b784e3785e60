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

extern template void write_arrays(const NamedArrays<float>&, const std::string&, const std::string&);
extern template void write_arrays(const NamedArrays<double>&, const std::string&, const std::string&);
extern template Contents<float> read_contents(const std::string&, const Wanted&);
extern template Contents<double> read_contents(const std::string&, const Wanted&);

}  // namespace xgrad::io
