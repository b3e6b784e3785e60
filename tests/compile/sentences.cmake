# Programs that are wrong in one way are told so in one sentence: one error, and few lines around it.
# cmake -DSEEN=<how to compile> -DFOLDER=<to write in> -P sentences.cmake
cmake_minimum_required(VERSION 3.25)
include("${SEEN}")

# says(<file> <lines at most> <words> <flags>...): compiles it, and looks for the words and for other errors.
function(says file most words)
  execute_process(COMMAND ${compile} ${ARGN} "${CMAKE_CURRENT_LIST_DIR}/${file}"
                  OUTPUT_VARIABLE messages ERROR_VARIABLE messages RESULT_VARIABLE result)
  string(FIND "${messages}" "${words}" place)
  string(REGEX MATCHALL "\n" lines "${messages}")
  list(LENGTH lines count)
  string(REGEX MATCHALL "[^l] error: " errors "${messages}")
  list(LENGTH errors error_count)
  if(result EQUAL 0 OR place EQUAL -1 OR count GREATER most OR error_count GREATER 1)
    message(FATAL_ERROR "${file} should be told '${words}' and nothing else, in at most ${most} lines; it is told, in "
            "${count}:\n${messages}")
  endif()
  message(STATUS "${file}: ${count} lines")
endfunction()

says(cpp17.cpp 12 "xgrad needs C++20" -std=c++17)
says(exp_of_a_symbol.cpp 30 "write exp(x), not std::exp(x)")
says(exp_of_a_variable.cpp 12 "write exp(x), not std::exp(x)")
