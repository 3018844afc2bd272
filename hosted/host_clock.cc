#include "hosted/host_clock.h"

#include <elf.h>
#include <sys/auxv.h>

#include <string_view>

namespace vari::hosted {
namespace {

/// The dynamic symbols of an object that the host has mapped as it lies in its file.
class Symbols {
 public:
  explicit Symbols(const u8* image) : image_(image) {
    const auto& header = at<Elf64_Ehdr>(0);
    for (u64 i = 0; i < header.e_phnum; ++i) {
      const auto& segment = at<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
      if (segment.p_type == PT_DYNAMIC) read_dynamic(segment);
    }
  }

  u64 find(std::string_view name) const {
    // The table's length is told nowhere; linkers put the names right behind it.
    for (u64 offset = symbols_; symbols_ != 0 && offset + sizeof(Elf64_Sym) <= names_;
         offset += sizeof(Elf64_Sym)) {
      const auto& symbol = at<Elf64_Sym>(offset);
      if (symbol.st_shndx != SHN_UNDEF && name == &at<char>(names_ + symbol.st_name)) return symbol.st_value;
    }
    return 0;
  }

 private:
  template <class Type>
  const Type& at(u64 offset) const {
    return *static_cast<const Type*>(static_cast<const void*>(image_ + offset));
  }
  void read_dynamic(const Elf64_Phdr& segment) {
    for (u64 offset = segment.p_offset;; offset += sizeof(Elf64_Dyn)) {
      const auto& entry = at<Elf64_Dyn>(offset);
      if (entry.d_tag == DT_NULL) return;
      if (entry.d_tag == DT_SYMTAB) symbols_ = entry.d_un.d_ptr;
      if (entry.d_tag == DT_STRTAB) names_ = entry.d_un.d_ptr;
    }
  }

  const u8* const image_;
  u64 symbols_ = 0, names_ = 0;
};

}  // namespace

u64 find_clock_function() {
  const u64 begin = ::getauxval(AT_SYSINFO_EHDR);
  if (begin == 0) return 0;
  return Symbols(reinterpret_cast<const u8*>(begin)).find("__vdso_clock_gettime");
}

}  // namespace vari::hosted
