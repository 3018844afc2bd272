// Offsets and selectors that assembly shares with C++. Plain macros, because the assembler reads this
// file, too; core_area.h, trap_frame.h and nucleus/context.cc hold a static_assert for each.
#pragma once

// CoreArea, from GS.
#define CORE_SELF 0
#define CORE_USER_STACK 8
#define CORE_KERNEL_STACK 16
#define CORE_CONTEXT 24
#define CORE_TRAP_VECTOR 32
#define CORE_TRAP_ERROR 40
#define CORE_FAULT_ADDRESS 48
#define CORE_ENTRY_STACK 56
#define CORE_FACT_TABLE 64
#define CORE_FACT_COUNT 72
#define CORE_FACTS 80

// Registers (interfaces/registers.h) inside a context object, whose first word is its vtable pointer.
#define CONTEXT_RAX 8
#define CONTEXT_RBX 16
#define CONTEXT_RCX 24
#define CONTEXT_RDX 32
#define CONTEXT_RSI 40
#define CONTEXT_RDI 48
#define CONTEXT_RBP 56
#define CONTEXT_R8 64
#define CONTEXT_R9 72
#define CONTEXT_R10 80
#define CONTEXT_R11 88
#define CONTEXT_R12 96
#define CONTEXT_R13 104
#define CONTEXT_R14 112
#define CONTEXT_R15 120
#define CONTEXT_RIP 128
#define CONTEXT_RFLAGS 136
#define CONTEXT_RSP 144
#define CONTEXT_REQUESTED 168

// Segment selectors. The user's have the values that 64-bit Linux gives them, since programs see them.
#define KERNEL_CODE_SELECTOR 0x10
#define KERNEL_DATA_SELECTOR 0x18
#define SYSRET_BASE_SELECTOR 0x23
#define USER_DATA_SELECTOR 0x2b
#define USER_CODE_SELECTOR 0x33
#define TASK_STATE_SELECTOR 0x40

// RFLAGS: what user code may have as it likes (CF PF AF ZF SF TF DF OF RF AC ID), and what is forced
// (IF and the bit that reads as one). The system call's return refuses TF and RF on its fast path.
#define USER_FLAGS_ALLOWED 0x250dd5
#define USER_FLAGS_FORCED 0x202
#define USER_FLAGS_FAST 0x240cd5
// TF, NT, RF: calls that have them take the long way.
#define FLAGS_OF_DEBUGGING 0x14100
