# cmake -DTESTS=<folder> -DSHOWN=<how that is named in messages> "-DFILES=<files in it>" -DOUTPUT=<source> -P together.cmake
# One source of several tests, each in a namespace of its own, as if it stood alone: what all of them instantiate is
# compiled once. Headers come first, so that none is opened inside of a namespace.
set(headers "")
set(bodies "")
foreach(file IN LISTS FILES)
  file(READ "${TESTS}/${file}" text)
  cmake_path(GET file PARENT_PATH folder)
  string(REGEX REPLACE "(^|\n)#include \"" "\\1#include \"tests/${folder}/" text "${text}")
  string(REGEX MATCHALL "(^|\n)#include [<\"][^\n]+" includes "${text}")
  list(TRANSFORM includes STRIP)
  list(APPEND headers ${includes})
  string(REGEX REPLACE "(^|\n)#include [<\"][^\n]+" "\\1" text "${text}")
  string(MAKE_C_IDENTIFIER "${file}" name)
  string(APPEND bodies "namespace ${name} {\n#line 1 \"${SHOWN}/${file}\"\n${text}}  // namespace ${name}\n")
endforeach()
list(REMOVE_DUPLICATES headers)
list(JOIN headers "\n" headers)
file(WRITE "${OUTPUT}" "${headers}\n\n${bodies}")
