// The stub's program, carried by the kernel's own (hosted/stub).
        .section .rodata
        .balign 16
        .globl vari_stub_image, vari_stub_image_end
vari_stub_image:
        .incbin VARI_STUB_PATH
vari_stub_image_end:
        .section .note.GNU-stack, "", @progbits
