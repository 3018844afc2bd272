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
    list(APPEND VARI_FLAGS -mgeneral-regs-only)
  endif()
  if(VARI_BUILD STREQUAL "debug")
    list(APPEND VARI_FLAGS -Og)
  else()
    list(APPEND VARI_FLAGS -O2)
  endif()
else()
  set(VARI_FLAGS -g -O1 -fno-omit-frame-pointer)
  if(VARI_SANITIZE)
    list(APPEND VARI_FLAGS -fsanitize=${VARI_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${VARI_SANITIZE})
  endif()
endif()
