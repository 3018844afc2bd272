// Where tools/embed_program.py notes what it has put into the image (embedded.h). In .data, so that no compiler
// takes the zeros for granted.
        .section .data.embedded, "aw", @progbits
        .balign 16
        .globl vari_embedded
vari_embedded:
        .ascii "VARI-EMBEDDED-01"
        .quad 0                              // physical address
        .quad 0                              // bytes of the archive
        .quad 0                              // bytes of the command line behind it
        .section .note.GNU-stack, "", @progbits
