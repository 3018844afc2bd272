// The stub's entry, its system calls, and what can't be written in C++: a thread's first instructions and
// the return from a signal handler.
        .text
        .globl _start
_start: xor %ebp, %ebp
        mov %rsp, %rdi
        and $-16, %rsp
        call vari_stub_main
        ud2

// long vari_stub_call(long number, a, b, c, d, e, f)
        .globl vari_stub_call
vari_stub_call:
        mov %rdi, %rax
        mov %rsi, %rdi
        mov %rdx, %rsi
        mov %rcx, %rdx
        mov %r8, %r10
        mov %r9, %r8
        mov 8(%rsp), %r9
        syscall
        ret

// long vari_stub_clone(flags, stack, slot, entry): the child runs entry(slot) on its new stack.
        .globl vari_stub_clone
vari_stub_clone:
        push %r12
        push %r13
        mov %rdx, %r12
        mov %rcx, %r13
        xor %edx, %edx
        xor %r10d, %r10d
        xor %r8d, %r8d
        mov $56, %eax
        syscall
        test %rax, %rax
        jz 1f
        pop %r13
        pop %r12
        ret
1:      mov %r12, %rdi
        xor %ebp, %ebp
        and $-16, %rsp
        call *%r13
        ud2

// void vari_stub_move(stack, slot): goes on in vari_stub_first_leader(slot) on another stack.
        .globl vari_stub_move
vari_stub_move:
        mov %rdi, %rsp
        mov %rsi, %rdi
        xor %ebp, %ebp
        call vari_stub_first_leader
        ud2

        .globl vari_stub_return
vari_stub_return:
        mov $15, %eax
        syscall
        ud2

        .section .note.GNU-stack, "", @progbits
