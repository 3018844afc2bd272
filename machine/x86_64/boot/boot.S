// From the loader to C++: two doors (PVH, Multiboot2), one path. Both loaders enter in 32-bit protected
// mode, paging off, flat segments (PVH: Xen's hvm/start_info; Multiboot2 specification 3.3). This file maps
// the first 4 GiB (memory_layout.h: kBootMapped), switches to long mode (Intel SDM vol. 3, 10.8.5) and
// calls boot_entry(magic, information) on the boot stack, in the high half.

#define IMAGE_BASE 0xffffffff80000000
#define PHYSICAL(symbol) ((symbol) - IMAGE_BASE)
#define BOOT_STACK_BYTES 65536
#define RECURSIVE_SLOT 510
#define PVH_MAGIC 0x336ec578
#define MULTIBOOT2_MAGIC 0x36d76289

// ---- the doors ----
        .section .note.pvh, "a", @note
        .balign 4
        .long 4, 8, 18                       // name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
        .asciz "Xen"
        .quad PHYSICAL(boot_start_pvh)

        .section .multiboot2, "a"
        .balign 8
multiboot2_header:
        .long 0xe85250d6, 0, multiboot2_end - multiboot2_header
        .long -(0xe85250d6 + 0 + (multiboot2_end - multiboot2_header))
        .balign 8
        .short 1, 0                          // information request: tags that we can use
        .long 8 + 4 * 6
        .long 1, 3, 6, 8, 14, 15             // command line, modules, memory map, framebuffer, ACPI old and new
        .balign 8
        .short 3, 0                          // entry address
        .long 12
        .long PHYSICAL(boot_start_multiboot2)
        .balign 8
        .short 5, 1                          // framebuffer, optional; any size
        .long 20
        .long 0, 0, 32
        .balign 8
        .short 6, 0                          // modules on page boundaries
        .long 8
        .balign 8
        .short 0, 0
        .long 8
multiboot2_end:

        .section .boot.text, "ax"
        .code32
        .globl boot_start_pvh
boot_start_pvh:
        movl $PVH_MAGIC, %eax
        .globl boot_start_multiboot2
boot_start_multiboot2:
        cli
        cld
        movl $PHYSICAL(boot_stack_end), %esp
        movl %eax, %esi                      // cpuid below changes eax and ebx
        movl %ebx, %edi
        call check_long_mode
        call fill_boot_tables

        movl %cr4, %eax
        orl $0x20, %eax                      // PAE
        movl %eax, %cr4
        movl $PHYSICAL(boot_root_table), %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx               // EFER
        rdmsr
        orl $0x100, %eax                     // LME
        wrmsr
        movl %cr0, %eax
        orl $0x80010000, %eax                // PG, WP
        movl %eax, %cr0
        lgdt PHYSICAL(boot_gdt_pointer)
        ljmp $0x08, $PHYSICAL(long_mode)

// Halts with a word on the VGA screen and the serial line where the processor has no long mode.
check_long_mode:
        movl $0x80000000, %eax
        cpuid
        cmpl $0x80000001, %eax
        jb no_long_mode
        movl $0x80000001, %eax
        cpuid
        btl $29, %edx
        jnc no_long_mode
        ret
no_long_mode:
        movl $PHYSICAL(no_long_mode_text), %esi
1:      lodsb
        testb %al, %al
        jz 2f
        movw $0x3f8, %dx
        outb %al, %dx
        outb %al, $0xe9
        jmp 1b
2:      movb $0x7f, %al
        outb %al, $0xf4                      // ends QEMU with a failure status where its exit device is
3:      hlt
        jmp 3b

// Four page directories of 2 MiB pages, reached by identity, by the direct map and by the image's window.
fill_boot_tables:
        movl $PHYSICAL(boot_directories), %ecx
        movl $0x83, %eax                     // present, writable, 2 MiB
        movl $2048, %edx
1:      movl %eax, (%ecx)
        movl $0, 4(%ecx)
        addl $0x200000, %eax
        addl $8, %ecx
        decl %edx
        jnz 1b
        movl $PHYSICAL(boot_low_pointers), %ecx
        movl $PHYSICAL(boot_directories) + 3, %eax
        movl $4, %edx
1:      movl %eax, (%ecx)
        addl $0x1000, %eax
        addl $8, %ecx
        decl %edx
        jnz 1b
        movl $PHYSICAL(boot_directories) + 3, PHYSICAL(boot_image_pointers) + 510 * 8
        movl $PHYSICAL(boot_low_pointers) + 3, PHYSICAL(boot_root_table)
        movl $PHYSICAL(boot_low_pointers) + 3, PHYSICAL(boot_root_table) + 256 * 8
        movl $PHYSICAL(boot_root_table) + 3, PHYSICAL(boot_root_table) + RECURSIVE_SLOT * 8
        movl $PHYSICAL(boot_image_pointers) + 3, PHYSICAL(boot_root_table) + 511 * 8
        ret

        .code64
long_mode:
        movabsq $high_half, %rax
        jmp *%rax

        .section .text
high_half:
        xorl %eax, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        movl %eax, %fs
        movl %eax, %gs
        movabsq $boot_stack_end, %rsp
        xorl %ebp, %ebp                      // ends the chain of frames for back-traces
        movl %edi, %eax
        movl %esi, %edi                      // magic
        movl %eax, %esi                      // physical address of the loader's information
        call boot_entry
        ud2

        .section .boot.data, "aw"
        .balign 8
boot_gdt:
        .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdt_pointer:
        .short boot_gdt_pointer - boot_gdt - 1
        .quad PHYSICAL(boot_gdt)
no_long_mode_text:
        .asciz "Vari: this processor has no 64-bit mode.\r\n"

        .section .bss.boot, "aw", @nobits
        .balign 4096
        .globl boot_root_table
boot_root_table:     .skip 4096
boot_low_pointers:   .skip 4096
boot_image_pointers: .skip 4096
boot_directories:    .skip 4 * 4096
        .balign 4096
        .globl boot_stack_begin
boot_stack_begin:
        .skip BOOT_STACK_BYTES
        .globl boot_stack_end
boot_stack_end:
        .section .note.GNU-stack, "", @progbits
