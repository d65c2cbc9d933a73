# What `cmake --install` installs, by component:
#   server, worker, client  the binaries; the command's manual page and
#                           completions
#   client-dev              the C++ client library for find_package(metastep)
# Headers go below include/metastep, from where "client/remote_optimizer.h" is
# included: their folders' names would be too common below include.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(METASTEP_INCLUDE "${CMAKE_INSTALL_INCLUDEDIR}/metastep")
set(METASTEP_CONFIG "${CMAKE_INSTALL_LIBDIR}/cmake/metastep")

install(TARGETS metastep-server RUNTIME COMPONENT server)
install(TARGETS metastep-worker metastep-make-data RUNTIME COMPONENT worker)
install(TARGETS metastep RUNTIME COMPONENT client)
# `metastep reproduce` looks for them there.
install(DIRECTORY "${CMAKE_SOURCE_DIR}/specs"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/metastep" COMPONENT client)
install(DIRECTORY "${CMAKE_SOURCE_DIR}/models"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/metastep" COMPONENT client OPTIONAL)

# What the command says of itself: its manual page and completions.
set(man "${CMAKE_BINARY_DIR}/metastep.1.gz")
set(bash_completion "${CMAKE_BINARY_DIR}/metastep.bash")
set(zsh_completion "${CMAKE_BINARY_DIR}/metastep.zsh")
add_custom_command(OUTPUT "${man}" "${bash_completion}" "${zsh_completion}"
  COMMAND metastep man | gzip --best --no-name > "${man}"
  COMMAND metastep completion bash > "${bash_completion}"
  COMMAND metastep completion zsh > "${zsh_completion}"
  VERBATIM)
add_custom_target(command_documents ALL
  DEPENDS "${man}" "${bash_completion}" "${zsh_completion}")
install(FILES "${man}"
  DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT client)
install(FILES "${bash_completion}" RENAME metastep
  DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions"
  COMPONENT client)
install(FILES "${zsh_completion}" RENAME _metastep
  DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" COMPONENT client)

# The client, and all that it is linked with of this project.
foreach(name IN ITEMS client rpc base service_proto spec_proto options)
  set_target_properties(metastep_${name} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS metastep_${name} EXPORT metastep-targets
    ARCHIVE COMPONENT client-dev
    INCLUDES DESTINATION "${METASTEP_INCLUDE}")
  get_target_property(headers metastep_${name} METASTEP_HEADERS)
  if(headers)
    get_target_property(folder metastep_${name} SOURCE_DIR)
    cmake_path(RELATIVE_PATH folder BASE_DIRECTORY "${CMAKE_SOURCE_DIR}")
    list(TRANSFORM headers PREPEND "${CMAKE_SOURCE_DIR}/${folder}/")
    install(FILES ${headers} DESTINATION "${METASTEP_INCLUDE}/${folder}"
      COMPONENT client-dev)
  endif()
endforeach()
install(DIRECTORY "${METASTEP_GENERATED_DIR}/proto/metastep"
  DESTINATION "${METASTEP_INCLUDE}" COMPONENT client-dev
  FILES_MATCHING PATTERN "*.h")
# For programs in other languages.
install(DIRECTORY "${CMAKE_SOURCE_DIR}/proto/metastep"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/metastep/proto" COMPONENT client-dev
  FILES_MATCHING PATTERN "*.proto")

install(EXPORT metastep-targets NAMESPACE metastep::
  DESTINATION "${METASTEP_CONFIG}" COMPONENT client-dev)
configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/metastep-config.cmake.in"
  "${CMAKE_BINARY_DIR}/metastep-config.cmake"
  INSTALL_DESTINATION "${METASTEP_CONFIG}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/metastep-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
    "${CMAKE_BINARY_DIR}/metastep-config.cmake"
    "${CMAKE_BINARY_DIR}/metastep-config-version.cmake"
  DESTINATION "${METASTEP_CONFIG}" COMPONENT client-dev)
