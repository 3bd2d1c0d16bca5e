# What `make install` leaves: the binary, the public headers, one static library of all floors, and
# the pkg-config file that names what it leans on.
include(GNUInstallDirs)

# assay_cpu is made of object libraries, whose objects TARGET_OBJECTS of the archive leaves out.
get_property(floors GLOBAL PROPERTY ASSAY_FLOORS)
set(objects "")
foreach(part ${floors} assay_cpu assay_cpu_plain assay_cpu_avx2 assay_cpu_avx512)
  if(TARGET ${part})
    list(APPEND objects $<TARGET_OBJECTS:${part}>)
  endif()
endforeach()
add_library(libassay STATIC ${objects})
set_target_properties(libassay PROPERTIES OUTPUT_NAME assay LINKER_LANGUAGE C)

configure_file(cmake/assay.pc.in assay.pc @ONLY)

install(TARGETS assay RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS libassay ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/assay DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/assay.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
