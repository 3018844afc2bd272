// Where a started core begins: real mode, CS = page * 0x100, IP = 0 (startup.h). Straight to long mode in one
// write of CR0 (SDM vol. 3, 9.8.5; paging and protection may be switched on together), then to the kernel's half.
// The code is copied to TRAMPOLINE, so every address in it is made by hand.

#define TRAMPOLINE 0x8000
#define PARAMETERS 0xf00
#define ROOT_TABLE (PARAMETERS + 0)
#define EFER (PARAMETERS + 8)
#define ENTRY (PARAMETERS + 16)
#define SLOTS (PARAMETERS + 24)
#define SLOT_COUNT (PARAMETERS + 32)
#define TICKET (PARAMETERS + 36)

        .section .rodata.trampoline, "a", @progbits
        .balign 16
        .globl vari_trampoline_begin
vari_trampoline_begin:
        .code16
        cli
        cld
        movw %cs, %ax
        movw %ax, %ds
        lgdtl gdt_pointer - vari_trampoline_begin
        movl $0x20, %eax                     // PAE
        movl %eax, %cr4
        movl ROOT_TABLE, %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx
        movl EFER, %eax
        xorl %edx, %edx
        wrmsr
        movl $0x80010033, %eax               // PG, WP, NE, ET, MP, PE; caches on
        movl %eax, %cr0
        ljmpl $0x08, $(TRAMPOLINE + long_mode - vari_trampoline_begin)

        .code64
long_mode:
        xorl %eax, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        movl $TRAMPOLINE, %ebx
        movl $1, %eax
        lock xaddl %eax, TICKET(%rbx)
        cmpl SLOT_COUNT(%rbx), %eax
        jae 1f                               // nobody expects this core
        movq SLOTS(%rbx), %rdx
        shlq $4, %rax
        movq (%rdx, %rax), %rsp
        movq 8(%rdx, %rax), %rdi
        xorl %ebp, %ebp                      // ends the chain of frames
        callq *ENTRY(%rbx)
1:      cli
        hlt
        jmp 1b

        .balign 8
gdt:    .quad 0, 0x00af9b000000ffff
gdt_pointer:
        .short gdt_pointer - gdt - 1
        .long TRAMPOLINE + gdt - vari_trampoline_begin
        .globl vari_trampoline_end
vari_trampoline_end:
        .section .note.GNU-stack, "", @progbits
