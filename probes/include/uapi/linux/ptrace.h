/* The registers as a raw tracepoint of system calls gets them (arch/<machine>/include/asm/ptrace.h, struct pt_regs). */
#pragma once

#if defined(__aarch64__)
struct pt_regs {
	unsigned long long regs[31], sp, pc, pstate, orig_x0;
	int syscallno;
};
#else
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#endif
