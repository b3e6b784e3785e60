# Finds minizip, of zlib's contributions, and always provides the target Minizip::Minizip. It comes without a package
# for CMake. Used by the build and by the installed package alike.

if(TARGET Minizip::Minizip)
  set(Minizip_FOUND TRUE)
  return()
endif()

find_library(Minizip_LIBRARY NAMES minizip HINTS ENV CONDA_PREFIX PATH_SUFFIXES lib)
find_path(Minizip_INCLUDE_DIR NAMES minizip/unzip.h HINTS ENV CONDA_PREFIX PATH_SUFFIXES include)
mark_as_advanced(Minizip_LIBRARY Minizip_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Minizip REQUIRED_VARS Minizip_LIBRARY Minizip_INCLUDE_DIR)
if(Minizip_FOUND)
  add_library(Minizip::Minizip UNKNOWN IMPORTED)
  set_target_properties(Minizip::Minizip PROPERTIES
    IMPORTED_LOCATION "${Minizip_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${Minizip_INCLUDE_DIR}")
endif()
