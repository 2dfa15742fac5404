/* The binary format between the probes and capture/ebpf: events in the ring buffer, rows in the maps.
 *
 * The single source of truth; capture/ebpf/wire.py and rows.py mirror it, and a test compares them. Integers are the
 * machine's own (both sides run on it). An event is `struct event`, a body of its kind, then sections to its end.
 */
#pragma once

enum kind {
	ENTER = 1, /* struct enter, COPY* */
	EXIT,      /* struct exit, COPY*, the sections of an identity where the call may have changed it */
	VECTOR,    /* struct vector, then items: the strings of argv or envp; follows its ENTER */
	REFUSED,   /* struct refused: a capability was missing during the call at hand */
	FORK,      /* struct fork_, the child's identity; header: the parent */
	EXEC,      /* struct exec, identity */
	IMAGE,     /* struct image, then bytes of a new program's argument area; comes before its EXEC */
	END,       /* struct end */
	SIGNAL,    /* struct signal_, SIGINFO */
	JOIN,      /* identity: a process came into a watched cgroup */
	CGROUP,    /* struct place, PATH: a cgroup was made */
	KINDS,
};

struct event {
	u64 time_ns; /* CLOCK_MONOTONIC */
	u64 cpu_ns;  /* ENTER, EXIT: cumulative CPU time plus a constant of the machine (see cpu_time in calls.bpf.c) */
	u32 tid, pid;
	u8 kind;
	u8 abi; /* syscalls/abi.py, Abi */
	u16 nr; /* ENTER, EXIT: the call's number */
	u32 zero;
	char comm[16];
};

/* `within`: the ENTER of the call at hand was sent; else what the reader has open is another whose end was lost. */
struct enter { u64 args[6]; };
struct exit { s64 result; u32 within, zero; };
struct refused { u32 capability, user_ns; };
struct fork_ { u32 tid, pid, exit_signal, watched; };
struct exec {
	u32 former_tid, argc, envc;
	u8 payload;     /* it runs in namespaces of its own: from here on by events only (scope birth) */
	u8 narrow;      /* a 32-bit program */
	u8 within;
	u8 watched;     /* mode of the process from here on */
	u64 arg_start, arg_end, env_start, env_end;
};
struct image { u64 address; u32 missing; /* bytes at the address that could not be read */ u32 zero; };
struct end { u32 code, group_dead, within; };
struct signal_ { u32 signo, zero; };

/* argv or envp, from its element number `first` on */
struct vector {
	u64 array; /* address of the array */
	u32 first, count;
	u32 total; /* with VECTOR_CUT: how many there are */
	u8 arg, flags;
	u16 zero;
};
#define VECTOR_LAST 1  /* the array ended here, with NULL */
#define VECTOR_FAULT 2 /* the next element could not be read */
#define VECTOR_CUT 4   /* more strings than are copied */

/* Head of a string in a vector; an unreadable one is followed by its pointer (u64), then the bytes. */
#define ITEM_BROKEN 0x80000000u
#define ITEM_MORE 0x40000000u /* the string goes on in the next item */
#define ITEM_LENGTH 0x0fffffffu

enum section {
	COPY = 1, /* struct copied follows the head */
	SPACES,   /* struct spaces */
	PIDS,     /* struct upid (16 bytes: int nr, pointer), outermost first */
	GROUPS,   /* u32 each */
	UID_MAP,  /* struct uid_gid_extent: first, lower_first, count (u32) */
	GID_MAP,
	CGROUPS,  /* struct place each */
	EXE,      /* names between NULs, the last name of the path first */
	CWD,
	ROOT,
	SIGINFO,
	PATH,
	RIGHTS,   /* struct rights */
};

struct head {
	u8 section;
	u8 flags;
	u16 zero;
	u32 length; /* of what follows the head */
};
#define PATH_GONE 1   /* the file has been unlinked */
#define PATH_ALONE 2  /* not below a mount: a pseudo file */
#define PATH_CUT 4    /* deeper than is followed */

struct copied {
	u64 address, wanted;
	u8 arg, what, flags, zero[5];
};
#define COPIED_AT_EXIT 1
#define COPIED_BROKEN 2 /* a string without its NUL, or unreadable */

struct spaces {
	u32 cgroup, ipc, mnt, net, pid, pid_for_children, time, time_for_children, user, uts; /* inode numbers, 0: none */
	u32 ruid, euid, suid, fsuid, rgid, egid, sgid, fsgid;
	u32 groups; /* how many there are; more than GROUPS_MOST are not copied */
	u32 extents[2]; /* rows of uid_map and gid_map */
};
#define GROUPS_MOST 4096

struct rights {
	u64 inheritable, permitted, effective, bounding, ambient; /* capabilities */
	u32 no_new_privs, seccomp;
};
#define SECCOMP_UNKNOWN 0xffffffffu /* a kernel without it */

struct place { u64 id; u32 hierarchy, zero; };

/* --- maps ------------------------------------------------------------------------------------------------- */

#define ANY 255 /* no argument */

struct inside {
	u16 offset, size, most, count_offset, condition_offset;
	u8 count_width, width, condition_width, zero[3];
	u64 mask, value;
};

#define INSIDES 2
struct copy {
	u8 arg, what, at_exit, size_arg, condition_arg, insides, zero[2];
	u32 size, zero_;
	u64 mask, value;
	struct inside inside[INSIDES];
};
#define WHAT_STRING 1
#define WHAT_BLOCK 2

#define COPIES 6
struct row {
	u32 flags;
	u8 copies, args; /* how many of each; the registers after the arguments are not known to a tracepoint */
	u8 vectors[2]; /* ROW_EXEC: the arguments that are argv and envp */
	struct copy copy[COPIES];
};
#define ROW_RECORD 1   /* asked for: becomes a record */
#define ROW_IDENTITY 2 /* take an identity after it succeeds */
#define ROW_OPTIONS 4  /* argument 0 chooses another row, if there is one */
#define ROW_EXEC 8
#define ROW_REROOTS 16 /* changes the root directory: pivot_root, chroot */
#define ROW_JOINS 32   /* setns */

/* Key of a row: number | abi << 16 | (option: KEY_OPTION | option << 32); KEY_OTHER for every other call. */
#define KEY_OPTION (1u << 24)
#define KEY_OTHER (1u << 25)

struct process {
	u32 origin_mnt, origin_pid; /* namespaces of the target that it descends from */
	u8 mode, flags, zero[2];
};
#define MODE_NONE 0   /* contrace itself */
#define MODE_EVENTS 1 /* start, exec and end only */
#define MODE_CALLS 2
#define PROCESS_REROOTED 1
#define PROCESS_ALONE 2     /* neither its other threads nor its children */
#define PROCESS_LAUNCHING 4 /* the command of `run` before its execve */
