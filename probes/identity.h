/* Namespaces of a task, as the rules of scope need them. */
#pragma once
#include "common.h"

#define LEVELS 32 /* MAX_PID_NS_LEVEL, include/linux/pid_namespace.h */
#define UPID_BYTES 16

static __always_inline u32 mnt_of(u64 task)
{
	u64 nsproxy = READ(u64, task, TASK_NSPROXY);
	return nsproxy ? READ(u32, READ(u64, nsproxy, NSPROXY_MNT), MNT_INUM) : 0;
}

static __always_inline u32 level_of(u64 thread_pid)
{
	return READ(u32, thread_pid, PID_LEVEL) & (LEVELS - 1);
}

/* The task's active PID namespace: that of its innermost number. */
static __always_inline u32 pid_ns_of(u64 thread_pid)
{
	return READ(u32, READ(u64, thread_pid, PID_NUMBERS + level_of(thread_pid) * UPID_BYTES + UPID_NS), PID_INUM);
}
