# vari_library(NAME sources...): one static library of ours, with the world's flags and warnings.
# Includes are written from the project's root ("runtime/thread.h"), so that a file's room is visible.
function(vari_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${VARI_FLAGS} $<$<COMPILE_LANGUAGE:CXX>:${VARI_WARNINGS}>)
  if(VARI_SANITIZER_FLAGS)
    vari_kernel_sanitizers(${name} ${ARGN})
  endif()
endfunction()

# Kernel sanitizers for the C++ sources of a library. The heap's own files keep their lists in freed memory
# and are left out of the checks for that.
function(vari_kernel_sanitizers name)
  foreach(option ${VARI_SANITIZER_FLAGS})
    target_compile_options(${name} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${option}>")
  endforeach()
  foreach(source ${ARGN})
    if(source MATCHES "(^|/)(heap|slab)[a-z_]*\\.cc$")
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS -fno-sanitize=kernel-address)
    endif()
  endforeach()
endfunction()

# vari_test(NAME SOURCES ... LIBRARIES ...): one GoogleTest program (host world only).
function(vari_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${VARI_FLAGS} ${VARI_WARNINGS})
  target_link_libraries(${name} PRIVATE ${TEST_LIBRARIES} gtest gmock gtest_main pthread)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
