# Each header at the top is enough for a program that includes no other.
# cmake -DSEEN=<how to compile> -DHEADERS=<folder> -DFOLDER=<to write in> -P headers.cmake
cmake_minimum_required(VERSION 3.25)
include("${SEEN}")

file(GLOB headers RELATIVE "${HEADERS}" "${HEADERS}/*.hpp")
list(LENGTH headers count)
if(count LESS 9)
  message(FATAL_ERROR "a header a room was expected in ${HEADERS}, and found was ${headers}")
endif()
foreach(header IN LISTS headers)
  set(program "${FOLDER}/alone_${header}.cpp")
  file(WRITE "${program}" "#include <xgrad/${header}>\n")
  execute_process(COMMAND ${compile} "${program}" RESULT_VARIABLE failed ERROR_VARIABLE errors)
  if(failed)
    message(SEND_ERROR "<xgrad/${header}> does not compile alone:\n${errors}")
  endif()
endforeach()
