# What `make install` leaves, in three components, which are also the packages of `make deb`:
#   runtime      the binary, its man pages and completions, the documents
#   library      the shared library that programs run with
#   development  headers, the names to link by, assay.pc, examples
include(GNUInstallDirs)
set(ASSAY_EXAMPLES_DIR ${CMAKE_INSTALL_DOCDIR}/examples)

# Man pages and completions are what the binary says of itself.
set(manual ${CMAKE_BINARY_DIR}/share)
add_custom_command(OUTPUT ${manual}/made
  COMMAND sh ${PROJECT_SOURCE_DIR}/tools/make_manual.sh $<TARGET_FILE:assay> ${manual}
  DEPENDS assay ${PROJECT_SOURCE_DIR}/tools/make_manual.sh
  VERBATIM COMMENT "Writing man pages and completions")
add_custom_target(manual ALL DEPENDS ${manual}/made)

# ---- runtime
install(TARGETS assay RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
install(DIRECTORY ${manual}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT runtime)
install(FILES ${manual}/assay.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME assay COMPONENT runtime)
install(FILES ${manual}/_assay DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions
  COMPONENT runtime)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime
  FILES_MATCHING PATTERN "*.md")
install(DIRECTORY examples/recipes DESTINATION ${ASSAY_EXAMPLES_DIR} COMPONENT runtime)

# ---- library
if(ASSAY_SHARED)
  install(TARGETS libassay_shared
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library
    NAMELINK_COMPONENT development)
endif()

# ---- development
install(TARGETS libassay ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY include/assay DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(FILES examples/copy_model.c examples/score_text.c examples/score_text.cc
  DESTINATION ${ASSAY_EXAMPLES_DIR} COMPONENT development)

# assay.pc names the prefix, which is known when installing: `cmake --install build --prefix P`.
# Without a shared library everything that the static one leans on is needed always.
set(leans_on "json-c libpcre2-8 yaml-0.1 zlib")
set(system_libraries "-lpthread -lm -ldl")
foreach(part LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${part}}")
    set(pc_${part} "${CMAKE_INSTALL_${part}}")
  else()
    set(pc_${part} "\${prefix}/${CMAKE_INSTALL_${part}}")
  endif()
endforeach()
if(ASSAY_SHARED)
  set(private_ ".private")
  set(open_libraries "")
else()
  set(private_ "")
  set(open_libraries " ${system_libraries}")
  set(system_libraries "")
endif()
configure_file(cmake/assay.pc.in ${CMAKE_BINARY_DIR}/assay.pc.in @ONLY)
install(CODE "
  set(folder \"${CMAKE_INSTALL_LIBDIR}/pkgconfig\")
  if(NOT IS_ABSOLUTE \"\${folder}\")
    set(folder \"\${CMAKE_INSTALL_PREFIX}/\${folder}\")
  endif()
  message(STATUS \"Installing: \$ENV{DESTDIR}\${folder}/assay.pc\")
  file(READ \"${CMAKE_BINARY_DIR}/assay.pc.in\" text)
  file(WRITE \"\$ENV{DESTDIR}\${folder}/assay.pc\"
    \"prefix=\${CMAKE_INSTALL_PREFIX}\\n\${text}\")
  " COMPONENT development)
