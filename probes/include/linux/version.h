/* bcc puts it into the programs' section; tracing programs are not checked against it since Linux 5.0. */
#define LINUX_VERSION_CODE 0
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
