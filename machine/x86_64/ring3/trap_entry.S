// Entry of all 256 interrupt vectors (Intel SDM vol. 3, 6.12, 6.14). Each stub makes the stack look alike
// (vector, error code, then the processor's frame) and jumps to one of two places:
//   common     came from user mode: everything goes into the context object, and run()'s caller, or the
//              same user code, goes on; came from kernel mode: a TrapFrame on the interrupted stack
//   exception  #DB, NMI, #DF, #MC, which may hit the kernel between any two instructions, even where GS is
//              still the user's: they have stacks of their own, and find GS by these
// Gates are interrupt gates: interrupts are off from the first instruction on.

#include "machine/x86_64/core_area_offsets.h"

#define MSR_GS_BASE 0xc0000101
#define PAGE_BYTES 4096

        .section .text.entry, "ax", @progbits

        .macro stub vector
        .balign 16
        .if \vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17 || \vector == 21 || \vector == 29 || \vector == 30
        .else
        pushq $0
        .endif
        pushq $\vector
        .if \vector == 1 || \vector == 2 || \vector == 8 || \vector == 18
        jmp exception
        .else
        jmp common
        .endif
        .endm

        .globl vari_trap_stubs
        .balign 16
vari_trap_stubs:
        .set number, 0
        .altmacro
        .rept 256
        stub %number
        .set number, number + 1
        .endr
        .noaltmacro

        .macro push_registers
        pushq %rax
        pushq %rbx
        pushq %rcx
        pushq %rdx
        pushq %rsi
        pushq %rdi
        pushq %rbp
        pushq %r8
        pushq %r9
        pushq %r10
        pushq %r11
        pushq %r12
        pushq %r13
        pushq %r14
        pushq %r15
        .endm

        .macro pop_registers
        popq %r15
        popq %r14
        popq %r13
        popq %r12
        popq %r11
        popq %r10
        popq %r9
        popq %r8
        popq %rbp
        popq %rdi
        popq %rsi
        popq %rdx
        popq %rcx
        popq %rbx
        popq %rax
        .endm

// DF, AC, TF, NT off, IOPL 0; interrupts stay off. An interrupt does not clear DF and AC by itself, and with AC
// set SMAP would not protect the kernel.
        .macro clean_flags
        pushq $2
        popfq
        .endm

        .balign 64
common:
        testb $3, 24(%rsp)
        jz from_kernel
from_user:
        swapgs
        clean_flags
        pushq %rax
        movq %gs:CORE_CONTEXT, %rax
        movq %rbx, CONTEXT_RBX(%rax)
        movq %rcx, CONTEXT_RCX(%rax)
        movq %rdx, CONTEXT_RDX(%rax)
        movq %rsi, CONTEXT_RSI(%rax)
        movq %rdi, CONTEXT_RDI(%rax)
        movq %rbp, CONTEXT_RBP(%rax)
        movq %r8, CONTEXT_R8(%rax)
        movq %r9, CONTEXT_R9(%rax)
        movq %r10, CONTEXT_R10(%rax)
        movq %r11, CONTEXT_R11(%rax)
        movq %r12, CONTEXT_R12(%rax)
        movq %r13, CONTEXT_R13(%rax)
        movq %r14, CONTEXT_R14(%rax)
        movq %r15, CONTEXT_R15(%rax)
        popq CONTEXT_RAX(%rax)
        popq %gs:CORE_TRAP_VECTOR
        popq %gs:CORE_TRAP_ERROR
        popq CONTEXT_RIP(%rax)
        addq $8, %rsp                        // cs: there is only one
        popq CONTEXT_RFLAGS(%rax)
        popq CONTEXT_RSP(%rax)
        movq %cr2, %rbx
        movq %rbx, %gs:CORE_FAULT_ADDRESS
        movq %gs:CORE_KERNEL_STACK, %rsp
        movq 32(%rsp), %rbp                  // run()'s caller's, so that stack traces go on there
        movq %rax, %rdi
        subq $8, %rsp
        call vari_context_trap
        addq $8, %rsp
        testl %eax, %eax
        js 1f
        popq %r15
        popq %r14
        popq %r13
        popq %r12
        popq %rbp
        popq %rbx
        sti
        ret
1:      movq %gs:CORE_CONTEXT, %rdi          // loaded on this core, which may be another one by now
        jmp vari_enter_by_interrupt_return

        .balign 16
from_kernel:
        push_registers
        clean_flags
        movq %rsp, %rdi
        call vari_kernel_trap
        pop_registers
        addq $16, %rsp
        iretq

        .balign 16
exception:
        testb $3, 24(%rsp)
        jnz from_user                        // user mode's GS is certain; the frame is copied off this stack at once
        push_registers
        clean_flags
        movl $MSR_GS_BASE, %ecx
        rdmsr
        movl %eax, %r12d
        movl %edx, %r13d
        movq %rsp, %rax
        andq $-PAGE_BYTES, %rax
        movq (%rax), %rax                    // the stack's first word: this core's CoreArea
        movq %rax, %rdx
        shrq $32, %rdx
        wrmsr
        movq %rsp, %rdi
        call vari_kernel_exception
        movl $MSR_GS_BASE, %ecx
        movl %r12d, %eax
        movl %r13d, %edx
        wrmsr
        pop_registers
        addq $16, %rsp
        iretq
        .section .note.GNU-stack, "", @progbits
