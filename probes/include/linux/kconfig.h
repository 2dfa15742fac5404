/* bcc refuses to work without it (src/cc/export/helpers.h). */
#define CONFIG_BPF_SYSCALL 1
