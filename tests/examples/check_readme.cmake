# The program in the README is examples/first_steps.cpp, letter for letter.
# cmake -DSOURCE=<the repository> -P check_readme.cmake
cmake_minimum_required(VERSION 3.25)

file(READ "${SOURCE}/README.md" readme)
file(READ "${SOURCE}/examples/first_steps.cpp" program)
string(FIND "${readme}" "```cpp\n${program}```\n" place)
if(place EQUAL -1)
  message(FATAL_ERROR "README.md does not hold examples/first_steps.cpp as it is; copy it there")
endif()
