# Compiler flags of the two worlds. Sources say nothing of them.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(VARI_WARNINGS -Wall -Wextra -Wnon-virtual-dtor -Werror)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND VARI_WARNINGS -Wthread-safety)
endif()

add_compile_definitions(BOOST_ENABLE_ASSERT_HANDLER)

if(VARI_WORLD STREQUAL "kernel")
  set(VARI_FLAGS -ffreestanding -fno-exceptions -fno-rtti -mno-red-zone -mcmodel=kernel -fno-pic -fno-pie
      -fcf-protection=none -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fno-stack-protector
      -ffunction-sections -fdata-sections -g)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    list(APPEND VARI_FLAGS -mno-sse -mno-mmx $<$<COMPILE_LANGUAGE:CXX>:-Wglobal-constructors>
         $<$<COMPILE_LANGUAGE:CXX>:-Wexit-time-destructors>)
  else()
    # Unique symbols can't be made local, so a donor's could not be sealed (donors.cmake).
    list(APPEND VARI_FLAGS -mgeneral-regs-only $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
  endif()
  # A header before every C++ source: for negative controls (tests/kernel/swapped_hints.h).
  set(VARI_INCLUDE_FIRST "" CACHE FILEPATH "included before all C++ sources of a kernel")
  if(VARI_INCLUDE_FIRST)
    list(APPEND VARI_FLAGS "$<$<COMPILE_LANGUAGE:CXX>:-include${VARI_INCLUDE_FIRST}>")
  endif()
  # Kernel sanitizers (nucleus/sanitizers/README.md): every check is a call, stacks and globals are left out.
  # vptr and function types need what the kernel is built without.
  set(VARI_SANITIZER_FLAGS)
  if(VARI_BUILD STREQUAL "debug")
    list(APPEND VARI_FLAGS -Og)
    list(APPEND VARI_SANITIZER_FLAGS -fsanitize=undefined -fno-sanitize=vptr,object-size -fsanitize=kernel-address)
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      list(APPEND VARI_SANITIZER_FLAGS -fno-sanitize=function
           "SHELL:-mllvm -asan-instrumentation-with-call-threshold=0"
           "SHELL:-mllvm -asan-stack=0" "SHELL:-mllvm -asan-globals=0")
    else()
      list(APPEND VARI_SANITIZER_FLAGS "SHELL:--param asan-instrumentation-with-call-threshold=0"
           "SHELL:--param asan-stack=0" "SHELL:--param asan-globals=0")
    endif()
  else()
    list(APPEND VARI_FLAGS -O2)
  endif()
else()
  set(VARI_FLAGS -g ${VARI_OPTIMIZE} -fno-omit-frame-pointer)
  if(VARI_SANITIZE)
    list(APPEND VARI_FLAGS -fsanitize=${VARI_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${VARI_SANITIZE})
  endif()
  if(VARI_COVERAGE)
    add_link_options(-fprofile-instr-generate)
  endif()
endif()
