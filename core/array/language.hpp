// Stops a compiler that is told to read less than C++20, before it says the same of every line that follows.
#if __cplusplus < 202002L
#error "xgrad needs C++20: compile with -std=c++20, or target_compile_features(<target> PRIVATE cxx_std_20)"
#include <C++20>  // there is no such file: here the compiler gives up
#endif
