/* System calls: what is copied at entry and exit follows the rows of the map, so a new call needs no new code here.
 *
 * The programs are attached to the tracepoints syscalls:sys_enter_X and sys_exit_X of the wanted calls only. With
 * RAW_CALLS they are raw tracepoints of every call, and the map of rows decides.
 */
#include "identity.h"
#include <uapi/linux/ptrace.h>

#define MAX_ERRNO (-4095) /* include/linux/err.h */

/* The row of a call, for a multiplexed one that of its option if it has one, and its key. */
static __always_inline struct row *row_of(u32 nr, u8 abi, u64 option, u64 *key)
{
	*key = nr | (u64)abi << 16;
	struct row *row = rows.lookup(key);
	if (row && row->flags & ROW_OPTIONS) {
		u64 of_option = *key | KEY_OPTION | option << 32;
		struct row *special = rows.lookup(&of_option);
		if (special) {
			*key = of_option;
			return special;
		}
	}
#ifdef EVERY_CALL
	if (!row) {
		*key = KEY_OTHER;
		row = rows.lookup(key);
	}
#endif
	return row;
}

/* Cumulative CPU time of the task plus a constant. The scheduler adds to sum_exec_runtime only now and then, and notes
 * when (exec_start, on the clock of tasks of this CPU); what has passed since is the difference of the clocks but for a
 * constant. The clock of tasks stands still during interrupts and while a hypervisor runs something else: by how much it
 * is behind differs from CPU to CPU (kernel/sched/core.c, update_rq_clock_task). */
static __always_inline u64 cpu_time(u64 task, u64 now)
{
#if defined(TASK_CFS_RQ) && defined(CFS_RQ_RQ)
	u64 rq = READ(u64, READ(u64, task, TASK_CFS_RQ), CFS_RQ_RQ);
	now -= READ(u64, rq, RQ_CLOCK) - READ(u64, rq, RQ_CLOCK_TASK);
#endif
	return READ(u64, task, TASK_SUM_EXEC_RUNTIME) + now - READ(u64, task, TASK_EXEC_START);
}

static __always_inline void begin_call(struct scratch *s, u8 kind, u32 tid, u32 nr, u8 abi, u64 task)
{
	struct event *e = begin(s, kind);
	e->cpu_ns = cpu_time(task, e->time_ns);
	e->nr = nr;
	e->abi = abi;
	s->tid = tid;
	s->task = task;
	s->leaving = kind == EXIT;
}

static __always_inline void begin_vectors(struct vectors *v, struct open_call *open, struct row *row)
{
	v->word = open->abi == ABI_NARROW ? 4 : 8;
	v->string = 0;
	v->index = v->first = 0;
	v->arg = row->vectors[0] & 7;
	v->array = open->args[v->arg];
	v->next_arg = row->vectors[1] & 7;
	v->next_array = open->args[v->next_arg];
	if (!v->array) {
		v->arg = v->next_arg;
		v->array = v->next_array;
		v->next_array = 0;
	}
}

static __always_inline int entered(void *ctx, u32 nr, u8 abi, u64 *args)
{
	u64 id = bpf_get_current_pid_tgid(), key;
	u32 tid = id, pid = id >> 32;
	struct process *p = watched(pid, tid);
	if (!p || p->mode != MODE_CALLS)
		return 0;
	struct row *row = row_of(nr, abi, args[0] & 0xffffffff, &key);
	if (!row)
		return 0;
	if (p->flags & PROCESS_LAUNCHING) {
		if (!(row->flags & ROW_EXEC))
			return 0;
		p->flags &= ~PROCESS_LAUNCHING;
	}
	u64 task = bpf_get_current_task();
	struct open_call call = {.row = key, .nr = nr, .abi = abi};
	for (int i = 0; i < 6; i++)
		call.args[i] = i < row->args ? args[i] : 0;
	if (row->flags & ROW_JOINS)
		call.mnt = mnt_of(task);
	open_calls.update(&tid, &call);
	struct open_call *open = open_calls.lookup(&tid);
	struct scratch *s = scratch_of_cpu();
	if (!open || !s || !(row->flags & ROW_RECORD))
		return 0;
	begin_call(s, ENTER, tid, nr, abi, task);
	struct enter *body = (struct enter *)spot(s, 0);
	for (int i = 0; i < 6; i++)
		body->args[i] = call.args[i];
	s->at += sizeof(*body);
	if (row->flags & ROW_EXEC)
		begin_vectors(&s->vectors, open, row);
	if (row->copies)
		call_steps.call(ctx, STEP_MEMORY);
	open->sent = send(s);
	return 0;
}

/* What the user's registers were; x86 and arm64 name them differently. */
static __always_inline void arguments(struct pt_regs *regs, u8 abi, u64 *args)
{
#ifdef ABI_X32
	if (abi == ABI_NARROW) {
		args[0] = (u32)regs->bx, args[1] = (u32)regs->cx, args[2] = (u32)regs->dx;
		args[3] = (u32)regs->si, args[4] = (u32)regs->di, args[5] = (u32)regs->bp;
	} else {
		args[0] = regs->di, args[1] = regs->si, args[2] = regs->dx;
		args[3] = regs->r10, args[4] = regs->r8, args[5] = regs->r9;
	}
#else
	args[0] = regs->orig_x0, args[1] = regs->regs[1], args[2] = regs->regs[2];
	args[3] = regs->regs[3], args[4] = regs->regs[4], args[5] = regs->regs[5];
#endif
}

/* A seccomp filter lies before the tracepoints of a call's entry: a call that it answers is seen at its exit alone. Its
 * registers are where the kernel saved them, at the top of the task's stack, whose size is not in the BTF, nor the padding
 * above them: those are they that tell of the same call and result. Memory is copied at the exit. */
static __always_inline struct open_call *answered(u32 tid, u32 nr, u8 abi, s64 result)
{
	u64 task = bpf_get_current_task(), stack = READ(u64, task, TASK_STACK), key;
	struct scratch *s = scratch_of_cpu();
	if (!s)
		return 0;
	struct pt_regs *regs = (struct pt_regs *)s->data; /* the program's own stack has no room for them */
	int found = 0;
	LOOP for (int i = 0; i < 6 && !found; i++) {
		u64 from = stack + (0x4000 << (i >> 1)) - (i & 1) * 16 - REGS_SIZE;
		if (bpf_probe_read_kernel(regs, sizeof(*regs), (void *)from))
			continue;
#ifdef ABI_X32
		found = (u32)regs->orig_ax == nr && regs->ax == result;
#else
		found = regs->syscallno == nr && regs->regs[0] == result;
#endif
	}
	if (!found)
		return 0;
	u64 args[6];
	arguments(regs, abi, args);
	struct row *row = row_of(nr, abi, args[0] & 0xffffffff, &key);
	if (!row || !(row->flags & ROW_RECORD))
		return 0;
	struct open_call call = {.row = key, .nr = nr, .abi = abi, .retry = 0xff};
	for (int i = 0; i < 6; i++)
		call.args[i] = i < row->args ? args[i] : 0;
	begin_call(s, ENTER, tid, nr, abi, task);
	struct enter *body = (struct enter *)spot(s, 0);
	for (int i = 0; i < 6; i++)
		body->args[i] = call.args[i];
	s->at += sizeof(*body);
	call.sent = send(s);
	open_calls.update(&tid, &call);
	return open_calls.lookup(&tid);
}

static __always_inline int left(void *ctx, u32 nr, u8 abi, s64 result)
{
	u64 id = bpf_get_current_pid_tgid(), key;
	u32 tid = id, pid = id >> 32;
	struct process *p = watched(pid, tid);
	if (!p || p->mode != MODE_CALLS || p->flags & PROCESS_LAUNCHING)
		return 0;
	struct open_call *open = open_calls.lookup(&tid);
	if (open && (open->nr != nr || open->abi != abi))
		return 0;
	if (!open && result < 0 && result >= MAX_ERRNO)
		open = answered(tid, nr, abi, result);
	struct row *row = row_of(nr, abi, open ? open->args[0] & 0xffffffff : 0, &key);
	/* A child returns from the clone that it did not make. What has no entry is watched at its exit alone. */
	if (!row || (!open && row->flags & (ROW_RECORD | ROW_OPTIONS)))
		return 0;
	u64 task = bpf_get_current_task();
	if (result >= 0 && row->flags & (ROW_REROOTS | ROW_JOINS)) {
		u32 mnt = mnt_of(task);
		/* Joining a mount namespace changes the root to that of its owner (setns(2)). */
		if (row->flags & ROW_REROOTS ? mnt != p->origin_mnt : open && mnt != open->mnt)
			p->flags |= PROCESS_REROOTED;
	}
	struct scratch *s = scratch_of_cpu();
	int sent = open && open->sent, changed = result >= 0 && row->flags & ROW_IDENTITY;
	if (s && (sent || changed)) {
		begin_call(s, EXIT, tid, nr, abi, task);
		struct exit *body = (struct exit *)spot(s, 0);
		body->result = result;
		body->within = sent;
		body->zero = 0;
		s->at += sizeof(struct exit);
		s->changed = changed;
		s->failed = result < 0;
		if (sent && row->copies)
			call_steps.call(ctx, STEP_MEMORY);
		if (open)
			open_calls.delete(&tid);
		if (changed)
			call_steps.call(ctx, STEP_IDENTITY);
		send(s);
		return 0;
	}
	if (open)
		open_calls.delete(&tid);
	return 0;
}

#ifdef RAW_CALLS
/* The call's ABI: a task is marked for the duration of a 32-bit call (arch/x86/include/asm/thread_info.h, TS_COMPAT), or
 * is a 32-bit task (arch/arm64/include/asm/thread_info.h, TIF_32BIT). */
static __always_inline u8 abi_of(u32 *nr)
{
	u64 task = bpf_get_current_task();
#ifdef ABI_X32
	if (READ(u32, task, TASK_THREAD_STATUS) & 2)
		return ABI_NARROW;
	if (*nr & 0x40000000) { /* __X32_SYSCALL_BIT */
		*nr &= ~0x40000000;
		return ABI_X32;
	}
#else
	if (READ(u64, task, TASK_THREAD_FLAGS) >> NARROW_BIT & 1)
		return ABI_NARROW;
#endif
	return ABI_WIDE;
}

int call_entered(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs regs;
	u32 nr = ctx->args[1];
	u8 abi = abi_of(&nr);
	bpf_probe_read_kernel(&regs, sizeof(regs), (void *)ctx->args[0]);
	u64 args[6];
	arguments(&regs, abi, args);
	return entered(ctx, nr, abi, args);
}

int call_left(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs regs;
	bpf_probe_read_kernel(&regs, sizeof(regs), (void *)ctx->args[0]);
#ifdef ABI_X32
	u32 nr = regs.orig_ax;
#else
	u32 nr = regs.syscallno;
#endif
	u8 abi = abi_of(&nr);
	return left(ctx, nr, abi, (s64)ctx->args[1]);
}

#else

/* kernel/trace/trace.h: struct syscall_trace_enter and _exit as BPF sees them (kernel/trace/trace_syscalls.c) */
struct call_enter { u64 common; int nr, zero; };
struct call_exit { u64 common; int nr, zero; s64 result; };

int call_entered(struct call_enter *ctx)
{
	/* Read as memory: what a program reads of its context must be there for every call that it is attached to. */
	u64 args[6] = {};
	bpf_probe_read_kernel(args, sizeof(args), (void *)((u64)ctx + 16));
	return entered(ctx, ctx->nr, ABI_WIDE, args);
}

int call_left(struct call_exit *ctx)
{
	return left(ctx, ctx->nr, ABI_WIDE, ctx->result);
}

#endif

/* capability:cap_capable: (cred, target user namespace, namespace that had it, capability, result). May run in an
 * interrupt, so it keeps off the scratch area. */
int capability_checked(struct bpf_raw_tracepoint_args *ctx)
{
	if (!(int)ctx->args[4])
		return 0;
	u64 id = bpf_get_current_pid_tgid();
	u32 tid = id;
	struct open_call *open = open_calls.lookup(&tid);
	if (!open || !open->sent)
		return 0;
	struct {
		struct event e;
		struct refused r;
	} out = {};
	out.e.time_ns = bpf_ktime_get_ns();
	out.e.tid = tid;
	out.e.pid = id >> 32;
	out.e.kind = REFUSED;
	out.r.capability = ctx->args[3];
	out.r.user_ns = READ(u32, ctx->args[1], USER_INUM);
	submit(&out, sizeof(out), REFUSED);
	return 0;
}
