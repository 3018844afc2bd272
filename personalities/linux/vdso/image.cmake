# The vDSO: a shared object of its own, user code, never instrumented, the same in both worlds. Sets vdso_source,
# the assembly file that carries it.
set(vdso_folder ${CMAKE_CURRENT_LIST_DIR})
set(vdso ${CMAKE_CURRENT_BINARY_DIR}/vari_vdso.so)
set(vdso_flags -std=c++23 -O2 -ffreestanding -fPIC -fno-exceptions -fno-rtti -fno-stack-protector -mgeneral-regs-only
    -fcf-protection=none -fasynchronous-unwind-tables -Wall -Wextra -Werror)
set(vdso_link -nostdlib -shared -Wl,-T,${vdso_folder}/image/vdso.lds -Wl,-soname,linux-vdso.so.1 -Wl,--hash-style=both
    -Wl,--eh-frame-hdr -Wl,--build-id=none -Wl,-Bsymbolic -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,--fatal-warnings
    -Wl,-s)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND vdso_link -fuse-ld=lld-19)
else()
  list(APPEND vdso_link -fuse-ld=bfd)
endif()
add_custom_command(OUTPUT ${vdso}
  COMMAND ${CMAKE_CXX_COMPILER} ${vdso_flags} -I${CMAKE_SOURCE_DIR} ${vdso_link} ${vdso_folder}/image/vdso.cc -o ${vdso}
  DEPENDS ${vdso_folder}/image/vdso.cc ${vdso_folder}/image/vdso.lds ${CMAKE_SOURCE_DIR}/interfaces/user_clock.h
          ${CMAKE_SOURCE_DIR}/base/types.h
  VERBATIM COMMENT "Linking the vDSO")
set(vdso_source ${vdso_folder}/image.S)
set_source_files_properties(${vdso_source} PROPERTIES OBJECT_DEPENDS ${vdso} INCLUDE_DIRECTORIES ${CMAKE_CURRENT_BINARY_DIR})
