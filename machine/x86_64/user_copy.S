// The only kernel instructions that touch user addresses. Each one that may fault has an entry in
// the exception table: (instruction, continuation), both relative to the entry's own place.
//
// Long pieces go by eight bytes an iteration (rep movsq). Where such an iteration faults, it may have
// straddled two pages: the rest is then tried byte by byte, so that the count returned is exact, and
// a caller who resolves the fault at "first byte not copied" resolves the right page.

.macro FIXUP fault, continuation
  .pushsection .exception_table, "a", @progbits
  .balign 4
  .long \fault - .
  .long \continuation - .
  .popsection
.endm

.text

// size_t vari_user_copy(void* to, const void* from, size_t bytes)
.globl vari_user_copy
.type vari_user_copy, @function
.balign 16
vari_user_copy:
  mov %rdx, %rcx
  cmp $8, %rdx
  jb 2f
  shr $3, %rcx
1:rep movsq
  mov %edx, %ecx
  and $7, %ecx
2:rep movsb
3:mov %rcx, %rax
  ret
4:// %rcx quadwords and the odd bytes are left.
  and $7, %edx
  lea (%rdx, %rcx, 8), %rcx
  jmp 2b
  FIXUP 1b, 4b
  FIXUP 2b, 3b
.size vari_user_copy, . - vari_user_copy

// size_t vari_user_clear(void* to, size_t bytes)
.globl vari_user_clear
.type vari_user_clear, @function
.balign 16
vari_user_clear:
  xor %eax, %eax
  mov %rsi, %rcx
  shr $3, %rcx
1:rep stosq
  mov %esi, %ecx
  and $7, %ecx
2:rep stosb
3:mov %rcx, %rax
  ret
4:and $7, %esi
  lea (%rsi, %rcx, 8), %rcx
  jmp 2b
  FIXUP 1b, 4b
  FIXUP 2b, 3b
.size vari_user_clear, . - vari_user_clear

// int vari_user_load32(const void* word, u32* value)
.globl vari_user_load32
.type vari_user_load32, @function
.balign 16
vari_user_load32:
1:mov (%rdi), %eax
  mov %eax, (%rsi)
  xor %eax, %eax
  ret
2:mov $1, %eax
  ret
  FIXUP 1b, 2b
.size vari_user_load32, . - vari_user_load32

// int vari_user_compare_exchange32(void* word, u32 expected, u32 desired, u32* found)
.globl vari_user_compare_exchange32
.type vari_user_compare_exchange32, @function
.balign 16
vari_user_compare_exchange32:
  mov %esi, %eax
1:lock cmpxchg %edx, (%rdi)
  mov %eax, (%rcx)
  xor %eax, %eax
  ret
2:mov $1, %eax
  ret
  FIXUP 1b, 2b
.size vari_user_compare_exchange32, . - vari_user_compare_exchange32

.section .note.GNU-stack, "", @progbits
