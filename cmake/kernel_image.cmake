# vari_kernel_image(NAME SOURCES files... LIBRARIES targets...): the ELF image NAME.elf, with the names of
# its functions in its own section .symbols (machine/x86_64/symbols.h).
#
# Linked twice: the names are taken from the first pass, and their table is added in the second. The table
# lies behind all code, so no function moves between the passes; tools/symbol_table.py --check proves it.
set(VARI_LINKER_SCRIPT ${CMAKE_SOURCE_DIR}/kernels/linker.ld)

# Beside each image its map, TARGET.map: which section of which object it holds, for tests and the curious.
function(vari_link_image target)
  target_link_options(${target} PRIVATE -nostdlib -static -Wl,-T,${VARI_LINKER_SCRIPT} -Wl,--gc-sections
    -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--build-id=none -Wl,--fatal-warnings -Wl,-Map,${CMAKE_CURRENT_BINARY_DIR}/${target}.map)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_link_options(${target} PRIVATE -fuse-ld=lld-19)
  else()
    target_link_options(${target} PRIVATE -no-pie -fuse-ld=bfd -Wl,--no-warn-rwx-segments)
  endif()
  if(VARI_SANITIZER_FLAGS)
    target_link_options(${target} PRIVATE -Wl,--wrap=memcpy -Wl,--wrap=memmove -Wl,--wrap=memset)
  endif()
  set_target_properties(${target} PROPERTIES SUFFIX .elf LINK_DEPENDS ${VARI_LINKER_SCRIPT})
endfunction()

function(vari_kernel_image name)
  cmake_parse_arguments(IMAGE "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name}_objects OBJECT ${IMAGE_SOURCES})
  target_include_directories(${name}_objects PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name}_objects PRIVATE ${VARI_FLAGS} $<$<COMPILE_LANGUAGE:CXX>:${VARI_WARNINGS}>)
  if(VARI_SANITIZER_FLAGS)
    vari_kernel_sanitizers(${name}_objects ${IMAGE_SOURCES})
    # Whole, not from an archive: the heap refers to it by weak names only.
    list(APPEND IMAGE_LIBRARIES kernel_sanitizers)
  endif()
  # The runtime and its port call each other: named here, so that the port is inside the group, too.
  if(TARGET runtime_port_nucleus)
    list(APPEND IMAGE_LIBRARIES runtime_port_nucleus)
  endif()

  set(tool ${CMAKE_SOURCE_DIR}/tools/symbol_table.py)
  set(table ${CMAKE_CURRENT_BINARY_DIR}/${name}_symbols.S)
  add_executable(${name}_nameless $<TARGET_OBJECTS:${name}_objects>)
  vari_link_image(${name}_nameless)
  # Static libraries may refer to each other in circles.
  target_link_libraries(${name}_nameless PRIVATE -Wl,--start-group ${IMAGE_LIBRARIES} -Wl,--end-group)
  add_custom_command(OUTPUT ${table}
    COMMAND ${tool} --nm ${CMAKE_NM} --make ${table} $<TARGET_FILE:${name}_nameless>
    DEPENDS ${name}_nameless ${tool} VERBATIM COMMENT "Naming the functions of ${name}")

  add_executable(${name} $<TARGET_OBJECTS:${name}_objects> ${table})
  vari_link_image(${name})
  target_link_libraries(${name} PRIVATE -Wl,--start-group ${IMAGE_LIBRARIES} -Wl,--end-group)
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND ${tool} --nm ${CMAKE_NM} --check ${table} $<TARGET_FILE:${name}> VERBATIM)
endfunction()
