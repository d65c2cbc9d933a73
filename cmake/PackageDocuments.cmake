# Run while a Debian package is made: writes its changelog and, of the
# `programs` that it holds, the bill of materials and the manual pages that they
# do not bring. Takes name, version, maintainer, programs and source.
set(share "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/share")
set(folder "${share}/doc/${name}")
set(manual "${share}/man/man1")

function(compress file)
  execute_process(COMMAND gzip --best --no-name --force "${file}"
    COMMAND_ERROR_IS_FATAL ANY)
endfunction()

string(TIMESTAMP day "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE "${folder}/changelog" "metastep (${version}) stable; urgency=medium

  * See CHANGELOG.md beside this file.

 -- ${maintainer}  ${day}
")
compress("${folder}/changelog")

foreach(program IN LISTS programs)
  cmake_path(GET program FILENAME file)
  if(NOT EXISTS "${manual}/${file}.1.gz")
    file(MAKE_DIRECTORY "${manual}")
    execute_process(
      COMMAND help2man --no-info --version-string "${version}"
        --name "part of metastep, meta-training of optimizers" "${program}"
      OUTPUT_FILE "${manual}/${file}.1" COMMAND_ERROR_IS_FATAL ANY)
    compress("${manual}/${file}.1")
  endif()
endforeach()

if(programs)
  execute_process(
    COMMAND "${source}/tools/sbom" "${name}" "${version}" ${programs}
    OUTPUT_FILE "${folder}/sbom.spdx.json"
    COMMAND_ERROR_IS_FATAL ANY)
endif()
