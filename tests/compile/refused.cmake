# Compiles refused.cpp, whose lines say which of them are errors and in what words, and compares.
# cmake -DSEEN=<how to compile> -DFOLDER=<to write in> -P refused.cmake
cmake_minimum_required(VERSION 3.25)
include("${SEEN}")

# No warnings but those of a guard without a name, and these as errors.
set(program "${CMAKE_CURRENT_LIST_DIR}/refused.cpp")
execute_process(COMMAND ${compile} -Werror=unused-result -Werror=unused-value -Wno-unused-variable ${all_errors} "${program}"
                OUTPUT_VARIABLE messages ERROR_VARIABLE messages)
file(WRITE "${FOLDER}/refused.txt" "${messages}")
# Compilers show the line, too, whose comment has the words in any case.
string(REGEX REPLACE "// refused[^\n]*" "" told "${messages}")

# A list would take these apart.
function(read_lines text result)
  string(REGEX REPLACE "[][;]" "" text "${text}")
  string(REPLACE "\n" ";" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

file(READ "${program}" text)
read_lines("${text}" lines)
set(refused 0)
set(faults "")
set(number 0)
foreach(line IN LISTS lines)
  math(EXPR number "${number} + 1")
  string(REGEX MATCH "refused\\.cpp:${number}:[0-9]+: error: [^\n]*" error "${messages}")
  if(NOT line MATCHES "// refused(: (.*))?$")
    if(error)
      string(APPEND faults "\nan error where there is none: ${error}")
    endif()
    continue()
  endif()
  math(EXPR refused "${refused} + 1")
  set(words "${CMAKE_MATCH_2}")
  if(NOT error AND words)
    # An error in a header, to which the line has led.
    string(REGEX MATCH "refused\\.cpp:${number}:[0-9]+: +(required|note: in inst)[^\n]*" led "${messages}")
    if(led)
      string(REGEX MATCH "\\.hpp:[0-9]+:[0-9]+: error: [^\n]*" error "${messages}")
    endif()
  endif()
  string(FIND "${told}" "${words}" place)
  # Clang makes functions at the end, and says no more what they were made for.
  if(NOT error AND words AND all_errors)
    set(error "${words}")
  endif()
  if(NOT error OR place EQUAL -1)
    string(APPEND faults "\nline ${number} is not refused as it says: ${line}\n  ${error}")
  endif()
endforeach()
if(faults)
  message(FATAL_ERROR "${program}, of which ${FOLDER}/refused.txt is all that the compiler says:${faults}")
endif()
message(STATUS "${refused} lines are refused")
