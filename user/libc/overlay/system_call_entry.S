// What the C library calls for a system call; takes the place of musl's src/internal/defsysinfo.c. musl's start-up
// stores AT_SYSINFO here where the kernel gives one: the unikernel's gate. Elsewhere, Linux among them, it stays what
// it is: a system-call instruction.
        .data
        .globl __sysinfo
        .hidden __sysinfo
        .balign 8
__sysinfo:
        .quad trap

        .text
        .balign 16
trap:   syscall
        ret
        .section .note.GNU-stack, "", @progbits
