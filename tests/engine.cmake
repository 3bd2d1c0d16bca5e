# The tensor engine: ops, kernels, graphs, threads, random numbers.
add_library(assay_test_ops STATIC op_table.c op_trial.c op_checks.c graph_fixture.c)
target_link_libraries(assay_test_ops PUBLIC assay_models)
target_compile_definitions(assay_test_ops PRIVATE
  ASSAY_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/vectors")

foreach(name ops gradients bits broken_kernel graph refusals)
  assay_test(${name} assay_test_ops)
endforeach()
foreach(name threads random normal)
  assay_test(${name} assay_base)
endforeach()

# The AMX kernel once more, on a model of the tile units.
assay_test(bfloat assay_test_ops)
if(TARGET test_bfloat)
  target_sources(test_bfloat PRIVATE tile_model.c ${PROJECT_SOURCE_DIR}/src/cpu/amx.c)
  target_compile_definitions(test_bfloat PRIVATE ASSAY_TILE_MODEL)
endif()
