# The switch from one stack to another, for both ports. The callee-saved registers of the System V ABI
# are all that a thread keeps over a call; interrupt state, segment bases and vector registers are the
# port's (before_switch). The layout on the stack is switch_frame.h's.
    .text

    .globl vari_switch_stacks
    .type vari_switch_stacks, @function
vari_switch_stacks:             # (void** save, void* load)
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size vari_switch_stacks, . - vari_switch_stacks

# Where a new thread's first switch returns to: r12 is the function, r13 its argument, rbp is 0 and so
# ends a walk of frame pointers. The stack is aligned as before a call.
    .globl vari_thread_start
    .type vari_thread_start, @function
vari_thread_start:
    movq %r13, %rdi
    callq *%r12
    ud2
    .size vari_thread_start, . - vari_thread_start

    .section .note.GNU-stack, "", @progbits
