# Finds OpenBLAS and always provides the target OpenBLAS::OpenBLAS.
#
# OpenBLAS's own package mostly sets variables and defines no target, Debian keeps it in one folder for each
# threading flavour, and Homebrew's is keg-only. Used by the build and by the installed package alike.

if(TARGET OpenBLAS::OpenBLAS)
  set(OpenBLAS_FOUND TRUE)
  return()
endif()

set(_xgrad_openblas_hints ENV OpenBLAS_HOME ENV CONDA_PREFIX /opt/homebrew/opt/openblas /usr/local/opt/openblas)

find_package(OpenBLAS CONFIG QUIET HINTS ${_xgrad_openblas_hints})

if(NOT TARGET OpenBLAS::OpenBLAS)
  # The config's own paths come first; a path that does not exist falls through to the usual places.
  find_library(OpenBLAS_LIBRARY NAMES ${OpenBLAS_LIBRARIES} openblas HINTS ${_xgrad_openblas_hints}
               PATH_SUFFIXES lib openblas-pthread openblas-openmp openblas-serial)
  find_path(OpenBLAS_INCLUDE_DIR NAMES cblas.h HINTS ${OpenBLAS_INCLUDE_DIRS} ${_xgrad_openblas_hints}
            PATH_SUFFIXES include openblas openblas-pthread openblas-openmp openblas-serial)
  mark_as_advanced(OpenBLAS_LIBRARY OpenBLAS_INCLUDE_DIR)
endif()
unset(_xgrad_openblas_hints)

include(FindPackageHandleStandardArgs)
if(TARGET OpenBLAS::OpenBLAS)
  find_package_handle_standard_args(OpenBLAS CONFIG_MODE)
else()
  find_package_handle_standard_args(OpenBLAS REQUIRED_VARS OpenBLAS_LIBRARY OpenBLAS_INCLUDE_DIR
                                    VERSION_VAR OpenBLAS_VERSION)
  if(OpenBLAS_FOUND)
    add_library(OpenBLAS::OpenBLAS UNKNOWN IMPORTED)
    set_target_properties(OpenBLAS::OpenBLAS PROPERTIES
      IMPORTED_LOCATION "${OpenBLAS_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${OpenBLAS_INCLUDE_DIR}")
  endif()
endif()
