// Tables of numbers from text files.
#pragma once

#include <string>
#include <vector>

#include "../core/array/array.hpp"

namespace xgrad::data {

/// What load_csv takes.
struct CsvOptions {
  char separator = ',';
  /// The first line names the columns. Without one, their names are their numbers: "0", "1" and so on.
  Flag header = true;
  /// The name of the column that is to be predicted; none if empty.
  std::string target = {};
};

/// A table: one sample a row.
template <class T>
struct CsvTable {
  Array<T> inputs;                   ///< [rows, columns]: every column but the target
  Array<T> targets;                  ///< [rows]: the target column; [0] if none was chosen
  std::vector<std::string> columns;  ///< the inputs' names
};

/// A file of numbers in lines, plain or gzip. Lines end with \n, \r\n or \r; those of nothing but blanks
/// count for nothing. Fields may stand in double quotes, which keep separators, line breaks and, doubled,
/// quotes, and among blanks. A number becomes the nearest T: 0 if it is smaller than any, as in pandas; one
/// that is larger than any is an error, where pandas and NumPy have an infinity. IoError that names the file
/// if it cannot be read or has no rows, and the line (from 1) and the column if a value is missing (an empty
/// field, NA or NaN) or is no finite number of type T, or the line alone if it has more or fewer fields than
/// the first or leaves a quote open. ValueError if the target is not among the columns, two columns have one
/// name, or the separator is a quote or a line break. T is float or double.
template <class T>
CsvTable<T> load_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace xgrad::data
