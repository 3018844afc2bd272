// Entry of all 256 interrupt vectors where programs run in ring 0 (Intel SDM vol. 3, 6.14.5). The privilege never
// changes, so the processor would push its frames on whatever stack is current, and a program's has data below its
// rsp (the red zone of the System V ABI, 3.2.2). Hence every gate names a stack of the interrupt stack table, whose
// contents last until the next trap of its kind:
//   interrupt  on the core's entry stack. From a program: into the context object, as in ring 3. From the kernel:
//              the frame is copied to the interrupted stack, where handlers may nest and threads switch
//   fault      all exceptions but the four below, on a stack of their own. From a program: as above. From the kernel:
//              handled right there; such a handler only finds a fix-up or panics, so it is not left by a switch
//   exception  #DB, NMI, #DF, #MC, between any two instructions, each on a stack of its own
// Whose code was interrupted? Its stack tells: programs have theirs in the lower half, the kernel never. But for
// three instructions at the system call's entry and exit, in which only an `exception` can come: these go by rip.
// Gates are interrupt gates: interrupts are off from the first instruction on. GS is always the kernel's, save where
// an `exception` hits between two SWAPGS of machine/x86_64/cpu.h.

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
        .elseif \vector < 32
        jmp fault
        .else
        jmp interrupt
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
        push_registers_below_rax
        .endm

        .macro push_registers_below_rax
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

// DF, AC, TF, NT off, IOPL 0; interrupts stay off.
        .macro clean_flags
        pushq $2
        popfq
        .endm

// Goes to `to` if a program was interrupted, from what the processor pushed: the sign of its rsp.
        .macro if_program to
        testb $0x80, 47(%rsp)
        jz \to
        .endm

        .balign 64
interrupt:
        if_program from_program
        jmp interrupted_kernel
from_program:
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
interrupted_kernel:
        // 64 ss, 56 rsp, 48 rflags, 40 cs, 32 rip, 24 error, 16 vector, 8 rax, 0 rbx; a TrapFrame ends below the
        // interrupted rsp, aligned by 16.
        pushq %rax
        pushq %rbx
        movq 56(%rsp), %rax
        andq $-16, %rax
        .irp offset, 64, 56, 48, 40, 32, 24, 16, 8
        movq \offset(%rsp), %rbx
        movq %rbx, \offset - 72(%rax)
        .endr
        movq (%rsp), %rbx
        leaq -64(%rax), %rsp
        push_registers_below_rax
        clean_flags
        movq %rsp, %rdi
        call vari_kernel_trap
        pop_registers
        addq $16, %rsp
        iretq

        .balign 64
fault:
        if_program from_program
        push_registers
        clean_flags
        movq %rsp, %rdi
        call vari_kernel_trap
        pop_registers
        addq $16, %rsp
        iretq

        .balign 16
exception:
        testb $0x80, 23(%rsp)                // rip in the lower half: a program
        jz from_program
        pushq %rax
        pushq %rbx
        movq 32(%rsp), %rax
        leaq vari_gate_begin(%rip), %rbx
        subq %rbx, %rax
        leaq vari_gate_end(%rip), %rbx
        subq $vari_gate_begin, %rbx
        cmpq %rbx, %rax
        popq %rbx
        popq %rax
        jb from_program                      // in the gate
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
