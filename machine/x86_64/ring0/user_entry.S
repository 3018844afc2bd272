// The way to a program in ring 0 and back: ring3/user_entry.S without a change of privilege. The program and
// the kernel share GS, which is always the kernel's, and the code segment; what tells them apart is the stack.
//
// Going out, the last two instructions are STI and a jump: STI holds interrupts back until the jump is done,
// so none is taken between the program's stack pointer and the program's rip. Coming in, SYSCALL masks
// interrupts by SFMASK before the first instruction, which still has the program's stack; the traps that can't
// be masked have stacks of their own, and tell by rip (trap_entry.S).

#include "machine/x86_64/core_area_offsets.h"

#define FLAG_INTERRUPTS 0x200

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
        // As after SYSCALL: rcx and r11 are not the program's to keep. TF would trap in here.
        cmpq %rcx, CONTEXT_RCX(%rdi)
        jne by_interrupt_return
        cmpq %r11, CONTEXT_R11(%rdi)
        jne by_interrupt_return
        movq %rcx, %rax
        shrq $47, %rax
        jne to_gate
checked:
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
        pushq %r11
        andq $~FLAG_INTERRUPTS, (%rsp)
        popfq                                // what follows leaves the flags alone
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
        sti
        jmp *%rcx

// SYSCALL: interrupts off, flags cleaned by SFMASK, rcx and r11 hold rip and rflags, rsp is the program's.
// First the calls that only tell a fact: rsp serves as the one free register, and nothing is pushed but flags.
        .globl vari_system_call_entry
        .type vari_system_call_entry, @function
        .balign 64
vari_system_call_entry:
        movq %rsp, %gs:CORE_USER_STACK
        cmpq %gs:CORE_FACT_COUNT, %rax
        jae no_fact
        movq %gs:CORE_FACT_TABLE, %rsp
        movzwl (%rsp, %rax, 2), %esp
        testl %esp, %esp
        jz no_fact
        testl $FLAGS_OF_DEBUGGING, %r11d
        jnz no_fact
        addq %gs:CORE_FACTS, %rsp
        movl (%rsp), %eax
        movq %gs:CORE_KERNEL_STACK, %rsp
        pushq %r11
        andq $~FLAG_INTERRUPTS, (%rsp)
        popfq
        movq %gs:CORE_USER_STACK, %rsp
        sti                                  // and whatever interrupt is pending is taken behind the jump
        jmp *%rcx
no_fact:
        movq %gs:CORE_CONTEXT, %rsp          // a register like any other until the kernel's stack is back
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

// The gate: what a program calls instead of SYSCALL (its address is in AT_SYSINFO), with the registers of a system
// call, and rcx and r11 lost as there. It is the one piece of kernel text that counts as the program's: it runs on
// its stack with interrupts on, may be interrupted anywhere, and keeps nothing across instructions that moving to
// another core would spoil. Calls that are no mere facts go on to SYSCALL, so that one that is restarted finds its
// instruction two bytes before rip.
        .globl vari_gate_begin, vari_gate_end, vari_call_gate
        .balign 64
vari_gate_begin:
vari_call_gate:
        cmpq %gs:CORE_FACT_COUNT, %rax
        jae 1f
        movq %gs:CORE_FACT_TABLE, %rcx
        movzwl (%rcx, %rax, 2), %ecx
        jrcxz 1f
        addq %gs:CORE_FACTS, %rcx
        movl (%rcx), %eax
        ret
1:      syscall
behind_gate_call:
        ret
vari_gate_end:

// The one address in the kernel's half to which a program may return without much ado.
        .balign 16
to_gate:
        leaq behind_gate_call(%rip), %rax
        cmpq %rax, %rcx
        je checked
// A guard failed. prepare() loads the context, or says what to return.
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

// Enters the program by IRETQ, which in 64-bit mode loads rsp whether the privilege changes or not: any
// registers, any flags that a program may have. rdi: the context. The frame is pushed on the entry stack, which
// no interrupt uses meanwhile: they are off.
        .globl vari_enter_by_interrupt_return
        .balign 16
vari_enter_by_interrupt_return:
        movq %rsp, %gs:CORE_KERNEL_STACK
        movq %gs:CORE_ENTRY_STACK, %rsp
        pushq $KERNEL_DATA_SELECTOR
        pushq CONTEXT_RSP(%rdi)
        movl CONTEXT_RFLAGS(%rdi), %eax
        andl $USER_FLAGS_ALLOWED, %eax
        orl $USER_FLAGS_FORCED, %eax
        pushq %rax
        pushq $KERNEL_CODE_SELECTOR
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
        iretq
        .section .note.GNU-stack, "", @progbits
