// The way to user mode and back: nucleus::Context::run() (context.h) as a list of guards, the return to
// user mode, and the system call's entry. A system call that finds nothing pending takes no lock, loads no
// CR3, touches no segment register, and goes straight from here to run()'s caller.
//
// Registers are stored into the context object and loaded from it; the kernel stack holds run()'s return
// address and the six callee-saved registers while user code runs, and CoreArea remembers where.
// Interrupts are off wherever GS or RSP is not the kernel's (docs/invariants.md).

#include "machine/x86_64/core_area_offsets.h"

        .section .text.entry, "ax", @progbits

// i32 vari_context_run(Context* rdi): a TrapKind. Called with interrupts enabled; returns so.
        .globl vari_context_run
        .type vari_context_run, @function
        .balign 64
vari_context_run:
        cli
        cmpq %rdi, %gs:CORE_CONTEXT          // guard: this core holds the context's domain and bases
        jne prepare
        cmpl $0, CONTEXT_REQUESTED(%rdi)     // guard: nobody called interrupt()
        jne prepare
        movq CONTEXT_RIP(%rdi), %rcx
        movq CONTEXT_RFLAGS(%rdi), %r11
        // SYSRET can't give what an interrupted program had in rcx and r11, so these must hold what a system
        // call leaves there. It faults in ring 0, on the user's stack, on an address that is not canonical
        // (SDM vol. 2B, SYSRET): rip's upper 17 bits must be zero. And it takes no TF or RF from us.
        cmpq %rcx, CONTEXT_RCX(%rdi)
        jne by_interrupt_return
        cmpq %r11, CONTEXT_R11(%rdi)
        jne by_interrupt_return
        movq %rcx, %rax
        shrq $47, %rax
        jne prepare
        movl %r11d, %eax
        andl $~USER_FLAGS_FAST, %eax
        cmpl $USER_FLAGS_FORCED, %eax
        jne by_interrupt_return
        pushq %rbx
        pushq %rbp
        pushq %r12
        pushq %r13
        pushq %r14
        pushq %r15
        movq %rsp, %gs:CORE_KERNEL_STACK
        movq CONTEXT_RAX(%rdi), %rax
        movq CONTEXT_RBX(%rdi), %rbx
        movq CONTEXT_RDX(%rdi), %rdx
        movq CONTEXT_RSI(%rdi), %rsi
        movq CONTEXT_RBP(%rdi), %rbp
        movq CONTEXT_R8(%rdi), %r8
        movq CONTEXT_R9(%rdi), %r9
        movq CONTEXT_R10(%rdi), %r10
        movq CONTEXT_R12(%rdi), %r12
        movq CONTEXT_R13(%rdi), %r13
        movq CONTEXT_R14(%rdi), %r14
        movq CONTEXT_R15(%rdi), %r15
        movq CONTEXT_RSP(%rdi), %rsp
        movq CONTEXT_RDI(%rdi), %rdi
        swapgs
        sysretq

// SYSCALL: interrupts off, flags cleaned by SFMASK, rcx and r11 hold rip and rflags, rsp is the user's.
        .globl vari_system_call_entry
        .type vari_system_call_entry, @function
        .balign 64
vari_system_call_entry:
        swapgs
        movq %rsp, %gs:CORE_USER_STACK
        cmpq %gs:CORE_FACT_COUNT, %rax       // a call that only tells a fact (interfaces/place.h)?
        jae no_fact
        movq %gs:CORE_FACT_TABLE, %rsp       // a register like any other until the kernel's stack is back
        movzwl (%rsp, %rax, 2), %esp
        testl %esp, %esp
        jz no_fact
        testl $FLAGS_OF_DEBUGGING, %r11d
        jnz no_fact
        addq %gs:CORE_FACTS, %rsp
        movl (%rsp), %eax
        movq %gs:CORE_USER_STACK, %rsp
        swapgs                               // rip is canonical: the user half's last page is never mapped
        sysretq
no_fact:
        movq %gs:CORE_CONTEXT, %rsp
        movq %rax, CONTEXT_RAX(%rsp)
        movq %rbx, CONTEXT_RBX(%rsp)
        movq %rcx, CONTEXT_RCX(%rsp)
        movq %rcx, CONTEXT_RIP(%rsp)
        movq %rdx, CONTEXT_RDX(%rsp)
        movq %rsi, CONTEXT_RSI(%rsp)
        movq %rdi, CONTEXT_RDI(%rsp)
        movq %rbp, CONTEXT_RBP(%rsp)
        movq %r8, CONTEXT_R8(%rsp)
        movq %r9, CONTEXT_R9(%rsp)
        movq %r10, CONTEXT_R10(%rsp)
        movq %r11, CONTEXT_R11(%rsp)
        movq %r11, CONTEXT_RFLAGS(%rsp)
        movq %r12, CONTEXT_R12(%rsp)
        movq %r13, CONTEXT_R13(%rsp)
        movq %r14, CONTEXT_R14(%rsp)
        movq %r15, CONTEXT_R15(%rsp)
        movq %gs:CORE_USER_STACK, %rax
        movq %rax, CONTEXT_RSP(%rsp)
        movq %gs:CORE_KERNEL_STACK, %rsp
        popq %r15
        popq %r14
        popq %r13
        popq %r12
        popq %rbp
        popq %rbx
        xorl %eax, %eax                      // TrapKind::SystemCall
        sti
        ret

// A guard failed. prepare() loads the context, or says what to return.
        .balign 16
prepare:
        pushq %rdi
        call vari_context_prepare
        popq %rdi
        testl %eax, %eax
        jns 1f
        // The context is loaded now and rip is canonical; the general way out serves every state.
by_interrupt_return:
        pushq %rbx
        pushq %rbp
        pushq %r12
        pushq %r13
        pushq %r14
        pushq %r15
        jmp vari_enter_by_interrupt_return
1:      sti
        ret

// Enters user mode by IRETQ: any registers, any flags that user code may have. rdi: the context. The frame
// is pushed on the core's entry stack. IRETQ can't fault here: selectors are ours, rip is canonical.
        .globl vari_enter_by_interrupt_return
        .balign 16
vari_enter_by_interrupt_return:
        movq %rsp, %gs:CORE_KERNEL_STACK
        movq %gs:CORE_ENTRY_STACK, %rsp
        pushq $USER_DATA_SELECTOR
        pushq CONTEXT_RSP(%rdi)
        movl CONTEXT_RFLAGS(%rdi), %eax
        andl $USER_FLAGS_ALLOWED, %eax
        orl $USER_FLAGS_FORCED, %eax
        pushq %rax
        pushq $USER_CODE_SELECTOR
        pushq CONTEXT_RIP(%rdi)
        movq CONTEXT_RAX(%rdi), %rax
        movq CONTEXT_RBX(%rdi), %rbx
        movq CONTEXT_RCX(%rdi), %rcx
        movq CONTEXT_RDX(%rdi), %rdx
        movq CONTEXT_RSI(%rdi), %rsi
        movq CONTEXT_RBP(%rdi), %rbp
        movq CONTEXT_R8(%rdi), %r8
        movq CONTEXT_R9(%rdi), %r9
        movq CONTEXT_R10(%rdi), %r10
        movq CONTEXT_R11(%rdi), %r11
        movq CONTEXT_R12(%rdi), %r12
        movq CONTEXT_R13(%rdi), %r13
        movq CONTEXT_R14(%rdi), %r14
        movq CONTEXT_R15(%rdi), %r15
        movq CONTEXT_RDI(%rdi), %rdi
        swapgs
        iretq
        .section .note.GNU-stack, "", @progbits
