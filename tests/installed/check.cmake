# Installs the build tree BUILD into FOLDER, builds the project beside this file against it, and runs that. Then moves
# what it has installed, and lets programs that are built against it there find the data files, and move with them.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
endfunction()

set(prefix "${FOLDER}/prefix")
set(build "${FOLDER}/build")
file(REMOVE_RECURSE "${FOLDER}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --config "${CONFIG}" --prefix "${prefix}")

# What is installed must serve where neither the sources nor the build tree are.
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH tests)
cmake_path(GET tests PARENT_PATH sources)
file(GLOB_RECURSE package "${prefix}/*.cmake")
if(NOT package)
  message(FATAL_ERROR "no CMake package below ${prefix}")
endif()
foreach(file IN LISTS package)
  file(READ "${file}" text)
  string(FIND "${text}" "${sources}" at)
  if(NOT at EQUAL -1)
    message(FATAL_ERROR "${file} names the source or build tree, ${sources}")
  endif()
endforeach()

run("${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}" -B "${build}" -G "${GENERATOR}"
    "-DCMAKE_BUILD_TYPE=${CONFIG}" "-DCMAKE_PREFIX_PATH=${prefix}" "-DEXPECTED_PREFIX=${prefix}"
    "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" "-DCMAKE_CXX_FLAGS=${FLAGS}")
run("${CMAKE_COMMAND}" --build "${build}" --config "${CONFIG}")
find_program(user NAMES user PATHS "${build}" "${build}/${CONFIG}" NO_DEFAULT_PATH REQUIRED)
run("${user}" --no-colors=true)

# The source tree is still there, and what is found must not be what it has.
set(moved "${FOLDER}/moved")
set(build "${FOLDER}/build_moved")
file(RENAME "${prefix}" "${moved}")
run("${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/data" -B "${build}" -G "${GENERATOR}"
    "-DCMAKE_BUILD_TYPE=${CONFIG}" "-DCMAKE_PREFIX_PATH=${moved}" "-DCMAKE_INSTALL_PREFIX=${moved}"
    "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" "-DCMAKE_CXX_FLAGS=${FLAGS}")
run("${CMAKE_COMMAND}" --build "${build}" --config "${CONFIG}")
find_program(elsewhere NAMES data_user PATHS "${build}" "${build}/${CONFIG}" NO_DEFAULT_PATH REQUIRED)
run("${elsewhere}" "${moved}/share/xgrad")

run("${CMAKE_COMMAND}" --install "${build}" --config "${CONFIG}")
set(again "${FOLDER}/moved_again")
file(RENAME "${moved}" "${again}")
file(GLOB programs "${again}/bin/data_user*")
if(NOT programs)
  message(FATAL_ERROR "no programs in ${again}/bin")
endif()
foreach(program IN LISTS programs)
  run("${program}" "${again}/share/xgrad")
endforeach()

# What the environment names comes first.
set(ENV{XGRAD_DATA_DIR} "${FOLDER}/chosen")
file(COPY "${again}/share/xgrad/digits.csv.gz" DESTINATION "${FOLDER}/chosen")
foreach(program IN LISTS programs)
  run("${program}" "${FOLDER}/chosen")
endforeach()
