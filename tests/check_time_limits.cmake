# Fails if an entry of ctest in the build tree BUILD has no time limit.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND "${CTEST}" --test-dir "${BUILD}" -C "${CONFIG}" --show-only=json-v1
                OUTPUT_VARIABLE listing RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "ctest does not list its entries")
endif()
string(JSON count LENGTH "${listing}" tests)
if(count EQUAL 0)
  message(FATAL_ERROR "ctest has no entries in ${BUILD}")
endif()

set(unlimited)
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
  # Entry by entry: a search in the whole text for every property would take minutes.
  string(JSON entry GET "${listing}" tests ${i})
  string(JSON name GET "${entry}" name)
  string(JSON properties ERROR_VARIABLE none GET "${entry}" properties)
  if(NOT properties MATCHES "\"TIMEOUT\",[ \r\n]*\"value\" : [1-9]")
    list(APPEND unlimited ${name})
  endif()
endforeach()
if(unlimited)
  list(JOIN unlimited ", " names)
  message(FATAL_ERROR "no time limit: ${names}; call xgrad_limit_tests() at the end of their CMakeLists.txt")
endif()
