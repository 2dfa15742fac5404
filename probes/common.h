/* What all probes use: the maps, reading kernel memory, building an event and sending it.
 *
 * Offsets such as TASK_NSPROXY are macros that the loader takes from the running kernel's BTF. An event is built in a
 * scratch area of the CPU at hand: the tracepoints used here run in task context with preemption off, and none of them
 * occurs inside another. What may run in an interrupt (signal_generate, cap_capable) does without.
 *
 * Work that several events need is a program of its own, a step, which the others go on to by a tail call: so it is
 * compiled and verified once. Whatever a step works on is in the scratch area, which also keeps the verifier from
 * following every possible length.
 */
#pragma once
#include "wire.h"

#define DATA 0x10000 /* a copy begins below this, */
#define MOST 0x7fff  /* and is not longer than that; both are masks for the verifier */

struct open_call {
	u64 args[8];
	u64 row;     /* its key */
	u32 nr, mnt; /* the mount namespace at entry */
	u8 abi, sent, retry, incomplete;
};

/* Copying argv and envp goes on over several programs. */
struct vectors {
	u64 array, string; /* being copied */
	u32 index, first;
	u8 arg, next_arg, word, zero;
	u64 next_array;
};

struct scratch {
	volatile u32 at; /* where the event goes on */
	u32 tid;
	u64 task;        /* whose identity is taken */
	u8 leaving, changed, failed;
	struct vectors vectors;
	u64 from, to; /* what is left of an image */
	struct exec exec;
	u8 data[DATA + MOST + 1];
};

/* struct kernel_siginfo begins with the fields of siginfo_t (include/linux/signal_types.h) */
struct siginfo_copy { u32 words[SIGINFO_SIZE / 4]; };

BPF_RINGBUF_OUTPUT(events, RING_PAGES);
BPF_ARRAY(scratches, struct scratch, CPUS);
BPF_ARRAY(lost, u64, KINDS);
BPF_TABLE("hash", u64, struct row, rows, 2048);
BPF_TABLE("hash", u32, struct process, processes, 65536);
BPF_TABLE("hash", u32, struct open_call, open_calls, 65536);
BPF_ARRAY(defaults, struct process, 1); /* system-wide: of a process that is not in the map */
BPF_TABLE("hash", struct place, u32, containers, 256);
BPF_TABLE("lru_hash", u64, struct siginfo_copy, fatal, 1024);
BPF_TABLE("lru_hash", u64, u32, dying, 1024); /* signal_struct of a process that left the map at its end -> pid */

/* The steps after a call's programs, and after those of tasks: their types differ, and a table is for one type. */
BPF_TABLE("prog", u32, u32, call_steps, 4);
BPF_TABLE("prog", u32, u32, task_steps, 4);
#define STEP_IDENTITY 0
#define STEP_MEMORY 1
#define STEP_VECTORS 2
#define STEP_IMAGE 3

/* Loops stay loops: unrolled, they take long to compile and to verify. */
#define LOOP _Pragma("clang loop unroll(disable)")

/* Keeps the compiler from proving a mask needless, which the verifier could not follow. */
#define HIDE(value) asm volatile("" : "+r"(value))

/* Helpers by names of ours: at its own, bcc reads all of /proc/kallsyms to see whether the kernel has them, which takes as
 * long as compiling. They are in Linux since 5.5. */
static long (*read_user)(void *to, u32 size, const void *from) = (void *)BPF_FUNC_probe_read_user;
static long (*read_user_string)(void *to, u32 size, const void *from) = (void *)BPF_FUNC_probe_read_user_str;

#define READ(type, from, offset)                                                                                    \
	({                                                                                                          \
		type value_ = 0;                                                                                    \
		bpf_probe_read_kernel(&value_, sizeof(value_), (void *)((u64)(from) + (offset)));                    \
		value_;                                                                                             \
	})

static __always_inline struct scratch *scratch_of_cpu(void)
{
	u32 cpu = bpf_get_smp_processor_id();
	return scratches.lookup(&cpu);
}

/* The place `offset` bytes after where the event goes on. */
static __always_inline u8 *spot(struct scratch *s, u32 offset)
{
	u32 at = s->at + offset;
	HIDE(at);
	at &= DATA - 1;
	return s->data + at;
}

/* Begin an event of the task at hand; its body comes next. */
static __always_inline struct event *begin(struct scratch *s, u8 kind)
{
	struct event *e = (struct event *)s->data;
	u64 id = bpf_get_current_pid_tgid();
	e->time_ns = bpf_ktime_get_ns();
	e->cpu_ns = 0;
	e->tid = id;
	e->pid = id >> 32;
	e->kind = kind;
	e->abi = 0;
	e->nr = 0;
	e->zero = 0;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	s->at = sizeof(*e);
	return e;
}

static __always_inline int submit(void *data, u32 length, u8 kind)
{
	/* Waking the reader costs the traced side: it looks on its own, the more often the more there is. */
	if (events.ringbuf_output(data, length, BPF_RB_NO_WAKEUP) == 0)
		return 1;
	u32 key = kind;
	u64 *count = lost.lookup(&key);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

/* Send what has been built; returns whether there was room. */
static __always_inline int send(struct scratch *s)
{
	u32 length = s->at;
	HIDE(length);
	if (length > DATA + MOST)
		return 0;
	return submit(s->data, length, ((struct event *)s->data)->kind);
}

/* The head of a section of `length` bytes at the place where the event goes on. */
static __always_inline void put_head(struct scratch *s, u8 section, u8 flags, u32 length)
{
	struct head *head = (struct head *)spot(s, 0);
	head->section = section;
	head->flags = flags;
	head->zero = 0;
	head->length = length;
}

/* --- who is watched --------------------------------------------------------------------------------------- */

static __always_inline struct process *process_of(u32 pid)
{
	struct process *p = processes.lookup(&pid);
#ifdef SYSTEM_WIDE
	if (!p) {
		u32 zero = 0;
		p = defaults.lookup(&zero);
	}
#endif
	return p;
}

/* The process of the task at hand, if its life is watched. */
static __always_inline struct process *watched(u32 pid, u32 tid)
{
	struct process *p = process_of(pid);
	if (!p || p->mode == MODE_NONE || (p->flags & PROCESS_ALONE && pid != tid))
		return 0;
	return p;
}
