# Donor code (design.md, rule 6): fetched when the build is configured, compiled as it is, joined with the
# component's glue into one object whose only visible names are the component's own.

# vari_fetch_donor(NAME SCRIPT VARIABLE): runs tools/donors/SCRIPT, which makes the folder NAME unless it is
# there already; VARIABLE becomes that folder.
function(vari_fetch_donor name script variable)
  set(folder ${VARI_DONORS}/${name})
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/donors/${script} ${folder} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "The donor ${name} can't be had: see the message above.")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/donors/${script})
  set(${variable} ${folder} PARENT_SCOPE)
endfunction()

# The world's flags for code that is not ours: no warnings, for size, and of the sanitizers only the host's
# address and thread ones (donors are full of harmless undefined behaviour).
set(VARI_DONOR_FLAGS ${VARI_FLAGS} -w -Os -fno-strict-aliasing)
if(VARI_SANITIZE)
  list(APPEND VARI_DONOR_FLAGS -fno-sanitize=undefined)
endif()

# vari_wrapped_donor(TARGET GLUE sources... DONOR sources... INCLUDES folders... DEFINITIONS ... EXPORTS pattern)
#   GLUE          our code, with our warnings; sees the donor's headers as system headers
#   DONOR         the donor's files, and C glue that needs its private headers
#   EXPORTS       a wildcard for the (mangled) names that stay visible
# In the host world it is a plain library; in the kernel world every other name is made local, so that two
# donors, or a donor and the kernel, never meet by accident.
function(vari_wrapped_donor name)
  cmake_parse_arguments(WRAP "" "EXPORTS" "GLUE;DONOR;INCLUDES;DEFINITIONS" ${ARGN})
  add_library(${name}_donor OBJECT ${WRAP_DONOR})
  target_include_directories(${name}_donor PRIVATE ${CMAKE_SOURCE_DIR} ${WRAP_INCLUDES})
  target_compile_definitions(${name}_donor PRIVATE ${WRAP_DEFINITIONS})
  target_compile_options(${name}_donor PRIVATE ${VARI_DONOR_FLAGS})
  add_library(${name}_glue OBJECT ${WRAP_GLUE})
  target_include_directories(${name}_glue PRIVATE ${CMAKE_SOURCE_DIR})
  target_include_directories(${name}_glue SYSTEM PRIVATE ${WRAP_INCLUDES})
  target_compile_definitions(${name}_glue PRIVATE ${WRAP_DEFINITIONS})
  target_compile_options(${name}_glue PRIVATE ${VARI_FLAGS} ${VARI_WARNINGS})
  if(VARI_SANITIZER_FLAGS)
    vari_kernel_sanitizers(${name}_glue ${WRAP_GLUE})
  endif()
  set(objects $<TARGET_OBJECTS:${name}_donor> $<TARGET_OBJECTS:${name}_glue>)
  if(VARI_WORLD STREQUAL "kernel")
    set(sealed ${CMAKE_CURRENT_BINARY_DIR}/${name}_sealed.o)
    add_custom_command(OUTPUT ${sealed}
      COMMAND ${VARI_RELOCATABLE_LINKER} -r --force-group-allocation -o ${sealed}.all ${objects}
      COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=${WRAP_EXPORTS} ${sealed}.all ${sealed}
      COMMAND ${CMAKE_COMMAND} -E rm ${sealed}.all
      DEPENDS ${objects} COMMAND_EXPAND_LISTS VERBATIM COMMENT "Sealing ${name}")
    add_library(${name} STATIC ${sealed})
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
  else()
    add_library(${name} STATIC ${objects})
  endif()
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
endfunction()

# GNU ld from binutils, which both compilers bring along.
find_program(VARI_RELOCATABLE_LINKER NAMES ld.bfd ld REQUIRED)
if(NOT CMAKE_OBJCOPY)
  find_program(CMAKE_OBJCOPY NAMES objcopy llvm-objcopy-19 REQUIRED)
endif()
