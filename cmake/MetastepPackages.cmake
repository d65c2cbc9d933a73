# What `cpack` makes, and tools/package calls: Debian packages. Each is what
# `cmake --install` installs of a component (server, worker, client, client-dev)
# and, as component debian-COMPONENT, what only a package has; the latter no
# `cmake --install` installs unless it is asked for.
find_program(METASTEP_DPKG_QUERY dpkg-query)
if(NOT METASTEP_DPKG_QUERY)
  return()
endif()

set(METASTEP_MAINTAINER "metastep maintainers <maintainers@metastep.example>"
  CACHE STRING "Who answers for the Debian packages: NAME <ADDRESS>")
set(debian "${CMAKE_SOURCE_DIR}/deploy/debian")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME metastep)
set(CPACK_PACKAGE_CONTACT "${METASTEP_MAINTAINER}")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
  WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SOURCE metastep)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# metastep_package(COMPONENT NAME SUMMARY text DESCRIPTION text SECTION section
#   [PROGRAMS target...] [DEPENDS ...] [RECOMMENDS ...] [SUGGESTS ...])
# makes the package NAME of a component. What the programs are linked with it
# depends on by itself.
function(metastep_package component name)
  cmake_parse_arguments(ARG "" "SUMMARY;DESCRIPTION;SECTION"
    "PROGRAMS;DEPENDS;RECOMMENDS;SUGGESTS" ${ARGN})
  string(TOUPPER "${component}" key)
  foreach(part IN ITEMS "" DEBIAN-)
    set(CPACK_COMPONENT_${part}${key}_GROUP ${component} PARENT_SCOPE)
  endforeach()
  list(APPEND CPACK_COMPONENTS_ALL ${component} debian-${component})
  set(CPACK_COMPONENTS_ALL "${CPACK_COMPONENTS_ALL}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${key}_PACKAGE_NAME "${name}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${key}_PACKAGE_SECTION "${ARG_SECTION}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${key}_DESCRIPTION "${ARG_SUMMARY}\n${ARG_DESCRIPTION}"
    PARENT_SCOPE)
  foreach(kind IN ITEMS DEPENDS RECOMMENDS SUGGESTS)
    list(JOIN ARG_${kind} ", " packages)
    set(CPACK_DEBIAN_${key}_PACKAGE_${kind} "${packages}" PARENT_SCOPE)
  endforeach()

  install(FILES "${debian}/copyright" "${CMAKE_SOURCE_DIR}/CHANGELOG.md"
    DESTINATION "share/doc/${name}"
    COMPONENT debian-${component} EXCLUDE_FROM_ALL)
  list(TRANSFORM ARG_PROGRAMS REPLACE "(.+)" "$<TARGET_FILE:\\1>")
  install(CODE "
    set(name \"${name}\")
    set(version \"${PROJECT_VERSION}\")
    set(maintainer \"${METASTEP_MAINTAINER}\")
    set(programs \"${ARG_PROGRAMS}\")
    set(source \"${CMAKE_SOURCE_DIR}\")"
    COMPONENT debian-${component} EXCLUDE_FROM_ALL)
  install(SCRIPT "${CMAKE_SOURCE_DIR}/cmake/PackageDocuments.cmake"
    COMPONENT debian-${component} EXCLUDE_FROM_ALL)
endfunction()

# metastep_package_service(COMPONENT NAME USER user HOME folder MODE octal
#   PURGE command) adds the unit NAME.service of deploy/systemd with the paths of
# a package, and the scripts that make its user and its folder, and delete the
# folder by the command.
function(metastep_package_service component name)
  cmake_parse_arguments(ARG "" "USER;HOME;MODE;PURGE" "" ${ARGN})
  set(out "${CMAKE_BINARY_DIR}/debian/${name}")
  set(unit "${CMAKE_SOURCE_DIR}/deploy/systemd/${name}.service")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${unit}")
  file(READ "${unit}" text)
  string(REPLACE "/usr/local/share/doc/metastep/" "/usr/share/doc/${name}/"
    text "${text}")
  string(REPLACE "/usr/local/share/metastep/data" "${ARG_HOME}" text "${text}")
  string(REPLACE "/usr/local/bin/" "/usr/bin/" text "${text}")
  string(REPLACE "DynamicUser=yes" "User=${ARG_USER}" text "${text}")
  if(text MATCHES "/usr/local" OR NOT text MATCHES "\nUser=${ARG_USER}\n")
    message(FATAL_ERROR "${unit} is not what MetastepPackages.cmake expects")
  endif()
  file(CONFIGURE OUTPUT "${out}/${name}.service" CONTENT "${text}" @ONLY)
  install(FILES "${out}/${name}.service" DESTINATION lib/systemd/system
    COMPONENT debian-${component} EXCLUDE_FROM_ALL)
  install(FILES "${CMAKE_SOURCE_DIR}/docs/operations.md"
    DESTINATION "share/doc/${name}"
    COMPONENT debian-${component} EXCLUDE_FROM_ALL)

  set(user "${ARG_USER}")
  set(home "${ARG_HOME}")
  set(mode "${ARG_MODE}")
  set(purge "${ARG_PURGE}")
  set(scripts "")
  foreach(script IN ITEMS postinst prerm postrm)
    configure_file("${debian}/${script}.in" "${out}/${script}" @ONLY)
    list(APPEND scripts "${out}/${script}")
  endforeach()
  string(TOUPPER "${component}" key)
  set(CPACK_DEBIAN_${key}_PACKAGE_CONTROL_EXTRA "${scripts}" PARENT_SCOPE)
endfunction()

# metastep_same_upstream(OUT NAME...) sets OUT to dependencies on the packages in
# the upstream versions that are installed.
function(metastep_same_upstream out)
  set(dependencies "")
  foreach(name IN LISTS ARGN)
    execute_process(
      COMMAND "${METASTEP_DPKG_QUERY}" --show "--showformat=\${Version}" ${name}
      OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX REPLACE "-[^-]*$" "" upstream "${version}")
    list(APPEND dependencies "${name} (>= ${upstream})"
      "${name} (<< ${upstream}.~)")
  endforeach()
  set(${out} "${dependencies}" PARENT_SCOPE)
endfunction()

metastep_package(server metastep-server
  SUMMARY "meta-training of optimizers: the server"
  DESCRIPTION "Cuts meta-trainings of update rules into shards for workers,
publishes what was learned as models, and takes optimisation steps for remote
programs.
.
The service does not start by itself: it has no authentication."
  SECTION science
  PROGRAMS metastep-server
  DEPENDS adduser
  SUGGESTS metastep-client metastep-worker)
metastep_package_service(server metastep-server
  USER metastep HOME /var/lib/metastep MODE 0700
  PURGE "rm -rf --one-file-system /var/lib/metastep")

metastep_package(worker metastep-worker
  SUMMARY "meta-training of optimizers: a worker"
  DESCRIPTION "Computes shards of meta-trainings, by LibTorch, for a
metastep-server of the same build. Writes synthetic data sets, too.
.
The service does not start by itself: its server has to be named."
  SECTION science
  PROGRAMS metastep-worker metastep-make-data
  DEPENDS adduser
  RECOMMENDS libopenblas0-pthread
  SUGGESTS metastep-server)
# The data sets that were put there are not the package's to delete.
metastep_package_service(worker metastep-worker
  USER metastep-worker HOME /var/lib/metastep-worker MODE 0755
  PURGE "rmdir --ignore-fail-on-non-empty /var/lib/metastep-worker || true")

metastep_package(client metastep-client
  SUMMARY "meta-training of optimizers: the command"
  DESCRIPTION "Starts, watches and compares meta-trainings on a metastep-server,
and moves their models; with metastep-server and metastep-worker installed, also
without a server that runs. Specs, trained models and the experiments of
'metastep reproduce' are included."
  SECTION science
  PROGRAMS metastep
  SUGGESTS metastep-server metastep-worker)

# The archives hold code that these generate, inline or name by version.
metastep_same_upstream(client_dev_depends
  libabsl-dev libgrpc++-dev libhwy-dev libprotobuf-dev libspdlog-dev)
metastep_package(client-dev libmetastep-client-dev
  SUMMARY "meta-training of optimizers: the C++ client library"
  DESCRIPTION "Optimisation steps by a metastep-server for C++ programs: a static
library with its headers and CMake configuration (find_package(metastep)), and
the protos of all services."
  SECTION libdevel
  DEPENDS ${client_dev_depends} libssl-dev protobuf-compiler-grpc)
set(CPACK_DEBIAN_CLIENT-DEV_PACKAGE_SHLIBDEPS OFF)

include(CPack)
