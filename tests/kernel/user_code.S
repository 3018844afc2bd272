// The user halves of the context tests (processors_contexts.cc), position-independent, copied to one page.
// SSE is used here: this is user code.

        .section .rodata.user_code, "a", @progbits
        .globl user_code_begin
user_code_begin:

// Loads every register with a value of its own, calls, and goes on with what it finds.
        .globl user_all_registers
user_all_registers:
        movq $0x1001, %rax
        movq $0x1002, %rbx
        movq $0x1004, %rdx
        movq $0x1005, %rsi
        movq $0x1006, %rdi
        movq $0x1007, %rbp
        movq $0x1008, %r8
        movq $0x1009, %r9
        movq $0x100a, %r10
        movq $0x100c, %r12
        movq $0x100d, %r13
        movq $0x100e, %r14
        movq $0x100f, %r15
        std
        syscall
        // The kernel has changed rax only.
        addq %rbx, %rax
        syscall
        ud2

// A loop of system calls, the unit of the null system call's cost: rdi rounds.
        .globl user_call_loop
user_call_loop:
        movl $39, %eax
        syscall
        decq %rdi
        jnz user_call_loop
        ud2

// The same by a software interrupt: vector 3's gate is open to programs, and its way in is every vector's.
        .globl user_interrupt_loop
user_interrupt_loop:
        movl $39, %eax
        .byte 0xcd, 3                        // int $3 in two bytes, as any other vector's
        decq %rdi
        jnz user_interrupt_loop
        ud2

// The same by SYSENTER, which keeps neither rip nor rsp: rdx and rcx bring them (entry_prices.S).
        .globl user_sysenter_loop
user_sysenter_loop:
        movl $39, %eax
        leaq 1f(%rip), %rdx
        movq %rsp, %rcx
        sysenter
1:      decq %rdi
        jnz user_sysenter_loop
        ud2

        .globl user_exceptions
user_exceptions:
        int3
        xorl %ecx, %ecx
        divl %ecx
        ud2
        int $0x80
        hlt

        .globl user_faults
user_faults:
        movq $0x700123, %rax
        movb (%rax), %bl                     // absent, read
        movq $0x400000, %rax
        movb $1, (%rax)                      // present, write
        movq $0x600000, %rax
        jmp *%rax                            // present, execute

        .globl user_spin
user_spin:
        incq 0x600000
        jmp user_spin

// xmm0..1 hold rdi; counts in [0x600000] until they differ, then ud2.
        .globl user_vectors
user_vectors:
        movq %rdi, %xmm0
        movq %rdi, %xmm1
        movq %rdi, %rdx
1:      incq 0x600000
        movq %xmm0, %rax
        cmpq %rax, %rdi
        jne 2f
        movq %xmm1, %rax
        cmpq %rax, %rdx
        je 1b
2:      ud2

// rax is what FS:0 holds; FS base is the kernel's to set.
        .globl user_fs
user_fs:
        movq %fs:0, %rax
        syscall
        jmp user_fs

        .globl user_single_step
user_single_step:
        pushfq
        orq $0x100, (%rsp)
        popfq
        nop
        syscall
        ud2

        .balign 16
        .globl user_code_end
user_code_end:
        .section .note.GNU-stack, "", @progbits
