// SYSENTER as a way to the nucleus's system-call entry, for its price alone (entry_prices.cc). Kernels do not
// have it: they leave SYSENTER's registers zero, and a program that executes it faults.

        .section .text.entry, "ax", @progbits
        .globl sysenter_entry
        .type sysenter_entry, @function
sysenter_entry:
        movq %rcx, %rsp                      // what SYSCALL leaves: the program's stack,
        movq %rdx, %rcx                      // its rip
        movl $0x202, %r11d                   // and its flags
        jmp vari_system_call_entry
        .section .note.GNU-stack, "", @progbits
