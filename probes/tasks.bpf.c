/* The life of tasks: start, exec, end, signals, and what joins a watched cgroup. All raw tracepoints.
 *
 * Here the set of watched processes grows and shrinks: in the kernel, at the very event, so nothing that a watched
 * process starts can be missed.
 */
#include "identity.h"

#ifdef CONTAINERS
/* Whether the cgroup, or one that it lies in, is a watched one. */
static __always_inline int in_container(u64 cgroup)
{
	struct place key = {};
	key.hierarchy = READ(u32, READ(u64, cgroup, CGROUP_ROOT), ROOT_HIERARCHY);
	u64 kn = READ(u64, cgroup, CGROUP_KN);
	for (int i = 0; i < 12 && kn; i++) {
		key.id = READ(u64, kn, KN_ID);
		if (containers.lookup(&key))
			return 1;
		kn = READ(u64, kn, KN_PARENT);
	}
	return 0;
}
#endif

/* --- start, exec, end --------------------------------------------------------------------------------------- */

/* sched_process_fork: (parent, child) */
int task_started(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 pid = id >> 32, tid = id;
	struct process *parent = watched(pid, tid);
	u64 child = ctx->args[1];
#ifdef CONTAINERS
	/* clone3 can start a child in another cgroup (CLONE_INTO_CGROUP). */
	struct process joined = {.mode = MODE_CALLS};
	if (!parent) {
		if (!in_container(READ(u64, READ(u64, child, TASK_CGROUPS), CSET_DFL)))
			return 0;
		parent = &joined;
	}
#endif
	if (!parent || parent->flags & PROCESS_ALONE)
		return 0;
	u32 child_pid = READ(u32, child, TASK_TGID);
	if (child_pid != pid) {
		struct process copy = *parent;
		processes.update(&child_pid, &copy);
	}
	u32 mode = parent->mode;
	struct scratch *s = scratch_of_cpu();
	if (!s)
		return 0;
	begin(s, FORK);
	struct fork_ *body = (struct fork_ *)spot(s, 0);
	body->tid = READ(u32, child, TASK_PID);
	body->pid = child_pid;
	body->exit_signal = READ(u32, child, TASK_EXIT_SIGNAL);
	body->watched = mode;
	s->at += sizeof(*body);
	s->task = child;
	task_steps.call(ctx, STEP_IDENTITY);
	return 0;
}

/* sched_process_exec: (task, former tid, struct linux_binprm) */
int task_executed(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 pid = id >> 32, tid = id, former = ctx->args[1];
	struct process *p = watched(pid, tid);
	struct open_call *open = open_calls.lookup(&former);
	u32 environment = open ? open->incomplete || open->retry : 0, within = open && open->sent;
	if (open)
		open_calls.delete(&former);
	struct scratch *s = scratch_of_cpu();
	if (!p || !s)
		return 0;
	u64 task = bpf_get_current_task(), bprm = ctx->args[2];
	u64 mm = READ(u64, task, TASK_MM);
	u32 payload = 0;
#ifdef UNTIL_PAYLOAD
	/* In another mount namespace than the target, and in another PID namespace or with another root: the container.
	 * A new mount namespace alone does not tell: rootless podman and dockerd's helpers execute themselves in one. */
	u64 thread_pid = READ(u64, task, TASK_THREAD_PID);
	if (p->mode == MODE_CALLS && mnt_of(task) != p->origin_mnt && (pid_ns_of(thread_pid) != p->origin_pid || p->flags & PROCESS_REROOTED)) {
		payload = 1;
		p->mode = MODE_EVENTS;
	}
#endif
	u32 mode = p->mode;
	struct exec *body = &s->exec;
	body->former_tid = former;
	body->argc = READ(u32, bprm, BPRM_ARGC);
	body->envc = READ(u32, bprm, BPRM_ENVC);
	body->payload = payload;
	body->narrow = READ(u64, task, TASK_THREAD_FLAGS) >> NARROW_BIT & 1;
	body->within = within;
	body->watched = mode;
	body->arg_start = READ(u64, mm, MM_ARG_START);
	body->arg_end = READ(u64, mm, MM_ARG_END);
	body->env_start = READ(u64, mm, MM_ENV_START);
	body->env_end = READ(u64, mm, MM_ENV_END);
	s->from = body->arg_start;
	/* The path that was asked for lies behind the environment (fs/exec.c, bprm_execve: copy_string_kernel). */
	s->to = environment ? (body->env_end | 4095) + 1 : body->arg_end;
	s->task = task;
	task_steps.call(ctx, STEP_IMAGE);
	return 0;
}

/* sched_process_exit */
int task_ended(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 pid = id >> 32, tid = id;
	struct process *p = watched(pid, tid);
	struct open_call *open = open_calls.lookup(&tid);
	u32 within = open && open->sent;
	open_calls.delete(&tid);
	u64 task = bpf_get_current_task(), signal = READ(u64, task, TASK_SIGNAL);
	/* Threads that end side by side have all been counted out before the first of them comes here (do_exit): each finds
	 * the group dead, and all but the first find the process gone from the map. */
	u32 *dead = dying.lookup(&signal);
	if (!p && !(dead && *dead == pid))
		return 0;
	/* An exit of a thread that is not the last does not end the process; whoever is watched alone is not asked for it. */
	u32 group_dead = READ(u32, signal, SIGNAL_LIVE) == 0 || (p && p->flags & PROCESS_ALONE);
	if (p && group_dead) {
		if (!(p->flags & PROCESS_ALONE))
			dying.update(&signal, &pid);
		processes.delete(&pid);
	}
	struct scratch *s = scratch_of_cpu();
	if (!s)
		return 0;
	begin(s, END);
	struct end *body = (struct end *)spot(s, 0);
	/* SIGNAL_GROUP_EXIT: the whole group ends with one code (include/linux/sched/signal.h). */
	body->code = READ(u32, signal, SIGNAL_FLAGS) & 4 ? READ(u32, signal, SIGNAL_GROUP_EXIT_CODE) :
							  READ(u32, task, TASK_EXIT_CODE);
	body->group_dead = group_dead;
	body->within = within;
	s->at += sizeof(*body);
	send(s);
	return 0;
}

/* --- signals ------------------------------------------------------------------------------------------------ */

/* signal_generate: (signo, siginfo, task, group, result). May run in an interrupt. A fatal signal is never delivered as
 * such: the kernel delivers SIGKILL to every thread instead (kernel/signal.c, complete_signal); so what it said is kept. */
int signal_sent(struct bpf_raw_tracepoint_args *ctx)
{
	u64 info = ctx->args[1];
	u32 signo = ctx->args[0], pid = READ(u32, ctx->args[2], TASK_TGID);
	struct process *p = processes.lookup(&pid);
	if (!p || p->mode == MODE_NONE || ctx->args[4] != 0)
		return 0;
	struct siginfo_copy copy = {};
	if (info > 1) {
		bpf_probe_read_kernel(&copy, sizeof(copy), (void *)info);
	} else {
		/* SEND_SIG_NOINFO: from the task at hand; SEND_SIG_PRIV: from the kernel (SI_KERNEL) */
		copy.words[0] = signo;
		copy.words[2] = info ? 128 : 0;
		copy.words[4] = info ? 0 : bpf_get_current_pid_tgid() >> 32;
	}
	u64 key = (u64)pid << 32 | signo;
	fatal.update(&key, &copy);
	return 0;
}

/* signal_deliver: (signo, siginfo, action) */
int signal_delivered(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 pid = id >> 32, tid = id, signo = ctx->args[0];
	struct scratch *s = scratch_of_cpu();
	if (!watched(pid, tid) || !s)
		return 0;
	u64 info = ctx->args[1];
	struct siginfo_copy copy = {};
	if (signo == 9) {
		u64 signal = READ(u64, bpf_get_current_task(), TASK_SIGNAL);
		u32 code = READ(u32, signal, SIGNAL_GROUP_EXIT_CODE) & 0x7f;
		u64 key = (u64)pid << 32 | code;
		struct siginfo_copy *kept = fatal.lookup(&key);
		if (code == 0 || code == 9 || !kept)
			return 0;
		signo = code;
		copy = *kept;
		fatal.delete(&key);
	} else if (info > 1) {
		bpf_probe_read_kernel(&copy, sizeof(copy), (void *)info);
	}
	begin(s, SIGNAL);
	struct signal_ *body = (struct signal_ *)spot(s, 0);
	body->signo = signo;
	body->zero = 0;
	s->at += sizeof(*body);
	put_head(s, SIGINFO, 0, sizeof(copy));
	*(struct siginfo_copy *)spot(s, sizeof(struct head)) = copy;
	s->at += sizeof(struct head) + sizeof(copy);
	send(s);
	return 0;
}

/* --- cgroups ------------------------------------------------------------------------------------------------ */

/* cgroup_mkdir: (cgroup, path) */
int cgroup_made(struct bpf_raw_tracepoint_args *ctx)
{
	struct scratch *s = scratch_of_cpu();
	if (!s)
		return 0;
	u64 cgroup = ctx->args[0];
	begin(s, CGROUP);
	struct place *body = (struct place *)spot(s, 0);
	body->id = READ(u64, READ(u64, cgroup, CGROUP_KN), KN_ID);
	body->hierarchy = READ(u32, READ(u64, cgroup, CGROUP_ROOT), ROOT_HIERARCHY);
	body->zero = 0;
	s->at += sizeof(*body);
	long length = bpf_probe_read_kernel_str(spot(s, sizeof(struct head)), 4096, (void *)ctx->args[1]);
	if (length <= 0)
		return 0;
	put_head(s, PATH, 0, length - 1);
	s->at += sizeof(struct head) + length - 1;
	send(s);
	return 0;
}

#ifdef CONTAINERS
/* cgroup_attach_task: (destination, path, task, whole thread group) */
int cgroup_joined(struct bpf_raw_tracepoint_args *ctx)
{
	u64 task = ctx->args[2];
	u32 pid = READ(u32, task, TASK_TGID);
	if (processes.lookup(&pid) || !in_container(ctx->args[0]))
		return 0;
	struct process joined = {.mode = MODE_CALLS};
	processes.update(&pid, &joined);
	struct scratch *s = scratch_of_cpu();
	if (!s)
		return 0;
	struct event *e = begin(s, JOIN);
	e->tid = READ(u32, task, TASK_PID);
	e->pid = pid;
	bpf_probe_read_kernel(e->comm, sizeof(e->comm), (void *)(task + TASK_COMM));
	s->task = task;
	task_steps.call(ctx, STEP_IDENTITY);
	return 0;
}
#endif
