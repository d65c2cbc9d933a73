# Writes the file that says of which commit a build is; one that says so already
# is left alone, and nothing is compiled again.
#
# cmake -DSOURCE=dir -DVERSION=0.1.0 -DBUILD=release -DTEMPLATE=file.in
#       -DOUTPUT=file -P BuildVersion.cmake
#
# The environment's METASTEP_COMMIT comes first, for sources without their
# repository.
set(commit "$ENV{METASTEP_COMMIT}")
if(commit STREQUAL "")
  # Not of a repository that the sources were unpacked in, and without waiting
  # for another git.
  cmake_path(GET SOURCE PARENT_PATH ceiling)
  set(ENV{GIT_CEILING_DIRECTORIES} "${ceiling}")
  set(ENV{GIT_OPTIONAL_LOCKS} 0)
  execute_process(
    COMMAND git describe --always --dirty "--exclude=*"
    WORKING_DIRECTORY "${SOURCE}"
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(commit STREQUAL "")
  set(commit unknown)
endif()
if(NOT commit MATCHES "^[0-9A-Za-z._-]+$")
  message(FATAL_ERROR "METASTEP_COMMIT is '${commit}'; it must be a commit, "
    "of letters, digits, '.', '_' and '-'")
endif()
configure_file("${TEMPLATE}" "${OUTPUT}" @ONLY)
