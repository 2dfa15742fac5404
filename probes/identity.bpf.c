/* Who a task is, read from the kernel's own structures at the moment of an event: the sections of an identity.
 *
 * Sources: include/linux/{nsproxy,pid,cred,user_namespace,cgroup-defs,kernfs,fs_struct,dcache}.h, fs/mount.h; the paths
 * are what d_path() gives (fs/d_path.c).
 */
#include "identity.h"

#define PATH_DEPTH 48
#define HIERARCHIES 20
#define ROWS_INSIDE 5  /* UID_GID_MAP_MAX_BASE_EXTENTS */
#define ROWS_MOST 340  /* UID_GID_MAP_MAX_EXTENTS */

static __always_inline u32 inode_of(u64 from, u32 pointer, u32 inum)
{
	u64 ns = READ(u64, from, pointer);
	return ns ? READ(u32, ns, inum) : 0;
}

static __always_inline void put_bytes(struct scratch *s, u8 section, u64 from, u32 length)
{
	HIDE(length);
	length &= MOST;
	if (length && bpf_probe_read_kernel(spot(s, sizeof(struct head)), length, (void *)from) == 0) {
		put_head(s, section, 0, length);
		s->at += sizeof(struct head) + length;
	}
}

static __always_inline void put_spaces(struct scratch *s, u64 task, u64 cred, u64 user, u64 thread_pid)
{
	u64 nsproxy = READ(u64, task, TASK_NSPROXY);
	put_head(s, SPACES, 0, sizeof(struct spaces));
	struct spaces *out = (struct spaces *)spot(s, sizeof(struct head));
	if (nsproxy) {
		out->cgroup = inode_of(nsproxy, NSPROXY_CGROUP, CGROUP_INUM);
		out->ipc = inode_of(nsproxy, NSPROXY_IPC, IPC_INUM);
		out->mnt = inode_of(nsproxy, NSPROXY_MNT, MNT_INUM);
		out->net = inode_of(nsproxy, NSPROXY_NET, NET_INUM);
		out->pid_for_children = inode_of(nsproxy, NSPROXY_PID_FOR_CHILDREN, PID_INUM);
		out->uts = inode_of(nsproxy, NSPROXY_UTS, UTS_INUM);
#ifdef NSPROXY_TIME
		out->time = inode_of(nsproxy, NSPROXY_TIME, TIME_INUM);
		out->time_for_children = inode_of(nsproxy, NSPROXY_TIME_FOR_CHILDREN, TIME_INUM);
#else
		out->time = out->time_for_children = 0;
#endif
	} else {
		out->cgroup = out->ipc = out->mnt = out->net = out->pid_for_children = out->uts = 0;
		out->time = out->time_for_children = 0;
	}
	out->pid = thread_pid ? pid_ns_of(thread_pid) : 0;
	out->user = READ(u32, user, USER_INUM);
	out->ruid = READ(u32, cred, CRED_UID);
	out->euid = READ(u32, cred, CRED_EUID);
	out->suid = READ(u32, cred, CRED_SUID);
	out->fsuid = READ(u32, cred, CRED_FSUID);
	out->rgid = READ(u32, cred, CRED_GID);
	out->egid = READ(u32, cred, CRED_EGID);
	out->sgid = READ(u32, cred, CRED_SGID);
	out->fsgid = READ(u32, cred, CRED_FSGID);
	out->groups = READ(u32, READ(u64, cred, CRED_GROUP_INFO), GROUPS_NUMBER);
	out->extents[0] = READ(u32, user, USER_UID_MAP + MAP_EXTENTS_NUMBER);
	out->extents[1] = READ(u32, user, USER_GID_MAP + MAP_EXTENTS_NUMBER);
	s->at += sizeof(struct head) + sizeof(struct spaces);
}

/* A set is one u64, or two u32 of which the lower comes first (before Linux 6.3): the same bytes. */
static __always_inline void put_rights(struct scratch *s, u64 task, u64 cred)
{
	put_head(s, RIGHTS, 0, sizeof(struct rights));
	struct rights *out = (struct rights *)spot(s, sizeof(struct head));
	out->inheritable = READ(u64, cred, CRED_CAP_INHERITABLE);
	out->permitted = READ(u64, cred, CRED_CAP_PERMITTED);
	out->effective = READ(u64, cred, CRED_CAP_EFFECTIVE);
	out->bounding = READ(u64, cred, CRED_CAP_BSET);
	out->ambient = READ(u64, cred, CRED_CAP_AMBIENT);
	out->no_new_privs = READ(u64, task, TASK_ATOMIC_FLAGS) & 1; /* PFA_NO_NEW_PRIVS */
#ifdef TASK_SECCOMP_MODE
	out->seccomp = READ(u32, task, TASK_SECCOMP_MODE);
#else
	out->seccomp = SECCOMP_UNKNOWN;
#endif
	s->at += sizeof(struct head) + sizeof(struct rights);
}

/* Up to five rows lie in the map itself, more in an array of their own. */
static __always_inline void put_id_map(struct scratch *s, u8 section, u64 map)
{
	u32 number = READ(u32, map, MAP_EXTENTS_NUMBER);
	if (number <= ROWS_MOST)
		put_bytes(s, section, number > ROWS_INSIDE ? READ(u64, map, MAP_FORWARD) : map + MAP_EXTENT, number * 12);
}

static __always_inline void put_places(struct scratch *s, u64 cset)
{
	u32 start = s->at;
	u64 head = cset + CSET_LINKS, link = READ(u64, head, 0);
	s->at = start + sizeof(struct head);
	LOOP for (int i = 0; i < HIERARCHIES; i++) {
		if (link == head || !link)
			break;
		u64 cgroup = READ(u64, link, (long)LINK_CGROUP - (long)LINK_NEXT);
		struct place *place = (struct place *)spot(s, 0);
		place->id = READ(u64, READ(u64, cgroup, CGROUP_KN), KN_ID);
		place->hierarchy = READ(u32, READ(u64, cgroup, CGROUP_ROOT), ROOT_HIERARCHY);
		place->zero = 0;
		s->at += sizeof(*place);
		link = READ(u64, link, 0);
	}
	u32 end = s->at;
	s->at = start;
	put_head(s, CGROUPS, 0, end - start - sizeof(struct head));
	s->at = end;
}

static __always_inline void put_path(struct scratch *s, u8 section, u64 path)
{
	u64 mnt = READ(u64, path, PATH_MNT), dentry = READ(u64, path, PATH_DENTRY);
	if (!mnt || !dentry)
		return;
	u32 start = s->at, flags = PATH_CUT;
	u64 mount = mnt - MOUNT_MNT, top = READ(u64, mnt, VFSMOUNT_ROOT);
	if (dentry != top && !READ(u64, dentry, DENTRY_HASH_PPREV))
		flags |= PATH_GONE;
	s->at = start + sizeof(struct head);
	LOOP for (int i = 0; i < PATH_DEPTH; i++) {
		u64 up;
		if (dentry == top) {
			up = READ(u64, mount, MOUNT_PARENT);
			if (up == mount || !up) {
				flags &= ~PATH_CUT;
				break;
			}
			dentry = READ(u64, mount, MOUNT_MOUNTPOINT);
			mount = up;
			top = READ(u64, mount, MOUNT_MNT + VFSMOUNT_ROOT);
			continue;
		}
		long length = bpf_probe_read_kernel_str(spot(s, 0), 256, (void *)READ(u64, dentry, DENTRY_NAME));
		if (length <= 0)
			break;
		s->at += length;
		up = READ(u64, dentry, DENTRY_PARENT);
		if (up == dentry) {
			flags = (flags & ~PATH_CUT) | PATH_ALONE;
			break;
		}
		dentry = up;
	}
	u32 end = s->at;
	s->at = start;
	put_head(s, section, flags, end - start - sizeof(struct head));
	s->at = end;
}

/* A step: add the identity of s->task, and send the event. */
int take_identity(void *ctx)
{
	struct scratch *s = scratch_of_cpu();
	if (!s)
		return 0;
	u64 task = s->task, cred = READ(u64, task, TASK_REAL_CRED), user = READ(u64, cred, CRED_USER_NS);
	u64 thread_pid = READ(u64, task, TASK_THREAD_PID), group_info = READ(u64, cred, CRED_GROUP_INFO);
	put_spaces(s, task, cred, user, thread_pid);
	put_rights(s, task, cred);
	put_id_map(s, UID_MAP, user + USER_UID_MAP);
	put_id_map(s, GID_MAP, user + USER_GID_MAP);
	u32 groups = READ(u32, group_info, GROUPS_NUMBER);
	if (groups <= GROUPS_MOST)
		put_bytes(s, GROUPS, group_info + GROUPS_GID, groups * 4);
	if (thread_pid)
		put_bytes(s, PIDS, thread_pid + PID_NUMBERS, (level_of(thread_pid) + 1) * UPID_BYTES);
	put_places(s, READ(u64, task, TASK_CGROUPS));
	u64 fs = READ(u64, task, TASK_FS), mm = READ(u64, task, TASK_MM);
	u64 exe = mm ? READ(u64, mm, MM_EXE_FILE) : 0;
	LOOP for (u8 section = EXE; section <= ROOT; section++) {
		u64 path = section == EXE ? (exe ? exe + FILE_PATH : 0) :
			   !fs            ? 0 :
			   section == CWD ? fs + FS_PWD :
					    fs + FS_ROOT;
		if (path)
			put_path(s, section, path);
	}
	send(s);
	return 0;
}
