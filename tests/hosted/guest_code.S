// Guests of a few instructions for tests/hosted.
.macro GUEST name
        .globl guest_\name, guest_\name\()_end
guest_\name:
.endm
.macro END name
guest_\name\()_end:
.endm
        .section .rodata
GUEST call                      // a call with all arguments, its answer as the next one's first argument
        mov $39, %eax
        mov $0x1111111122222222, %rdi
        mov $2, %esi
        mov $3, %edx
        mov $4, %r10
        mov $5, %r8
        mov $6, %r9
        syscall
        mov %rax, %rdi
        mov $40, %eax
1:      syscall
        jmp 1b
END call
GUEST int80
        mov $20, %eax
        int $0x80
END int80
GUEST loop
1:      inc %rbx
        jmp 1b
END loop
GUEST divide
        xor %ecx, %ecx
        div %ecx
END divide
GUEST breakpoint
        int3
        nop
END breakpoint
GUEST invalid
        ud2
END invalid
GUEST single_step
        pushf
        orq $0x100, (%rsp)
        popf
        nop
        nop
END single_step
GUEST clock                     // rbx(1, rbp), then a call with its answer
1:      mov $1, %edi
        mov %rbp, %rsi
        call *%rbx
        mov %rax, %rdi
        syscall
        jmp 1b
END clock
GUEST store                     // to rdi, then a call
1:      movq $0x77, (%rdi)
        syscall
        jmp 1b
END store
GUEST load                      // from rdi, then a call
1:      mov (%rdi), %rsi
        syscall
        jmp 1b
END load
GUEST non_canonical_jump
        jmp *%rdi
END non_canonical_jump
GUEST non_canonical_load
        mov (%rdi), %rax
END non_canonical_load
GUEST vectors                   // two registers with known contents, at each call
        pcmpeqd %xmm1, %xmm1
        movq %rdi, %xmm7
        syscall
        movq %xmm7, %rdi
        syscall
END vectors
GUEST add_vectors               // counts in xmm3 beside rbx; a call each 1000 rounds
        pxor %xmm3, %xmm3
        mov $1, %eax
        movq %rax, %xmm4
1:      mov $1000, %ecx
2:      paddq %xmm4, %xmm3
        inc %rbx
        dec %ecx
        jnz 2b
        movq %xmm3, %rdi
        syscall
        jmp 1b
END add_vectors
GUEST count                     // rdi times: one atomic increment at r14, one call
1:      lock incq (%r14)
        mov $110, %eax
        syscall
        dec %rdi
        jnz 1b
        ud2
END count
GUEST alignment                 // alignment checks on, then an unaligned load
        pushf
        orq $0x40000, (%rsp)
        popf
        mov 1(%r14), %rax
END alignment
        .section .note.GNU-stack, "", @progbits
