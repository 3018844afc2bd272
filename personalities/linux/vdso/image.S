// The vDSO's file as the build has linked it (image/), carried by the personality.
        .section .rodata.vdso, "a", @progbits
        .balign 16
        .globl vari_vdso_image, vari_vdso_image_end
vari_vdso_image:
        .incbin "vari_vdso.so"
vari_vdso_image_end:
        .section .note.GNU-stack, "", @progbits
