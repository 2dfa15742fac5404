/* Steps that copy a task's memory: what a row asks for, argv and envp, a new program's argument area.
 *
 * A tracepoint may not sleep, so pages that are not resident count as unreadable. What was unreadable when a call was
 * entered is tried again when it returns, since the kernel itself has read it meanwhile; an execve's strings are found in the
 * new program.
 */
#include "common.h"

#define PAGE 4096
#define PIECE 4096
#define STRINGS_AT_ONCE 256
#define CHUNK 0x6000
#define COUNTED 128
#define PAGES_AT_ONCE 8
#define COPY_HEAD (sizeof(struct head) + sizeof(struct copied))

/* Bytes up to what cannot be read, of three pages at most: no argument but a seccomp filter spans more. */
static __always_inline u32 put_readable(struct scratch *s, u64 address, u32 wanted)
{
	u32 got = 0;
	LOOP for (int i = 0; i < 3; i++) {
		u32 step = PAGE - ((address + got) & (PAGE - 1));
		if (step > wanted - got)
			step = wanted - got;
		HIDE(step);
		step &= 0x1fff;
		if (!step || read_user(spot(s, COPY_HEAD + got), step, (void *)(address + got)))
			break;
		got += step;
	}
	return got;
}

/* Copy a string or a block; returns how many bytes, and *broken: whether that is not all. */
static __always_inline u32 put_copied(struct scratch *s, struct copy *copy, int string, u64 address, u64 wanted, u32 most, u8 flags, int *broken)
{
	u32 length = most;
	HIDE(length);
	length &= MOST;
	long answer = string ? read_user_string(spot(s, COPY_HEAD), length, (void *)address) :
			       read_user(spot(s, COPY_HEAD), length, (void *)address);
	*broken = answer < 0;
	if (answer < 0)
		length = put_readable(s, address, length);
	else if (string) {
		*broken = answer == length; /* it fills what was asked for: there is no NUL where it should be */
		length = answer ? answer - 1 : 0;
	}
	put_head(s, COPY, 0, sizeof(struct copied) + length);
	struct copied *copied = (struct copied *)spot(s, sizeof(struct head));
	copied->address = address;
	copied->wanted = wanted;
	copied->arg = copy->arg;
	copied->what = copy->what;
	copied->flags = flags | (string && *broken ? COPIED_BROKEN : 0);
	s->at += COPY_HEAD + length;
	return length;
}

static __always_inline int applies(struct scratch *s, struct open_call *open, struct copy *copy, int number)
{
	if (!open->args[copy->arg & 7])
		return 0;
	if (copy->condition_arg != ANY && (open->args[copy->condition_arg & 7] & copy->mask) != copy->value)
		return 0;
	if (!s->leaving)
		return !copy->at_exit;
	return copy->at_exit ? !s->failed : open->retry >> number & 1;
}

/* A step: copy what the row asks for at this moment, then send the event or go on. */
int copy_memory(void *ctx)
{
	struct scratch *s = scratch_of_cpu();
	if (!s)
		return 0;
	u32 tid = s->tid, retry = 0;
	u8 leaving = s->leaving;
	struct open_call *open = open_calls.lookup(&tid);
	if (!open)
		return 0;
	u64 key = open->row;
	struct row *row = rows.lookup(&key);
	if (!row)
		return 0;
	LOOP for (int i = 0; i < COPIES; i++) {
		struct copy *copy = &row->copy[i];
		if (i >= row->copies || s->at >= DATA - COPY_HEAD)
			break;
		if (!applies(s, open, copy, i))
			continue;
		int string = copy->what == WHAT_STRING, broken = 0;
		u64 address = open->args[copy->arg & 7], wanted = 0;
		u32 most;
		if (string) {
			/* One byte more than wanted: room for a NUL that should not be needed. */
			most = copy->size && copy->size < MOST ? copy->size + 1 : MOST;
		} else {
			wanted = copy->size;
			if (copy->size_arg != ANY && open->args[copy->size_arg & 7] < wanted)
				wanted = open->args[copy->size_arg & 7];
			most = wanted < MOST ? wanted : MOST;
		}
		u32 block = 0, length = 0;
		LOOP for (int j = 0; j <= INSIDES; j++) {
			if (j > 0) {
				/* A pointer inside the block. */
				if (j > copy->insides || s->at >= DATA - COPY_HEAD)
					break;
				struct inside *in = &copy->inside[(j - 1) & (INSIDES - 1)];
				u32 back = s->at - block;
				if (in->condition_offset + in->condition_width > length || in->offset + in->width > length)
					continue;
				HIDE(back);
				if (in->condition_width) {
					u64 seen = 0;
					bpf_probe_read_kernel(&seen, in->condition_width & 8 ? 8 : 4, spot(s, in->condition_offset - back));
					if ((seen & in->mask) != in->value)
						continue;
				}
				u64 number = 1;
				address = 0;
				bpf_probe_read_kernel(&address, in->width & 8 ? 8 : 4, spot(s, in->offset - back));
				if (in->count_width) {
					number = 0;
					if (in->count_offset + in->count_width > length)
						continue;
					bpf_probe_read_kernel(&number, in->count_width & 8 ? 8 : in->count_width & 4 ? 4 : 2,
							      spot(s, in->count_offset - back));
				}
				if (!address || !number)
					continue;
				/* The record tells how much there is, also where less is taken. */
				wanted = number * in->size;
				most = (number < in->most ? number : in->most) * in->size;
			}
			int unread = 0;
			u32 start = s->at + COPY_HEAD;
			u32 got = put_copied(s, copy, string, address, wanted, most, copy->at_exit ? COPIED_AT_EXIT : 0, &unread);
			broken |= unread;
			if (j == 0) {
				block = start;
				length = got;
			}
		}
		if (broken)
			retry |= 1 << i;
	}
	if (leaving) {
		open_calls.delete(&tid);
		if (s->changed)
			call_steps.call(ctx, STEP_IDENTITY);
		send(s);
		return 0;
	}
	open->retry = retry;
	open->sent = send(s);
	if (open->sent && row->flags & ROW_EXEC)
		call_steps.call(ctx, STEP_VECTORS);
	return 0;
}

/* --- argv and envp ------------------------------------------------------------------------------------------ */

static __always_inline u64 element(struct vectors *v, u32 index, int *fault)
{
	u64 value = 0;
	u32 word = v->word;
	*fault = word == 4 ? read_user(&value, 4, (void *)(v->array + 4 * (u64)index)) != 0 :
			     read_user(&value, 8, (void *)(v->array + 8 * (u64)index)) != 0;
	return value;
}

static __always_inline void put_vector(struct scratch *s, struct vectors *v, u32 count, u32 total, u32 flags)
{
	struct vector *body = (struct vector *)(s->data + sizeof(struct event));
	body->array = v->array;
	body->first = v->first;
	body->count = count;
	body->total = total;
	body->arg = v->arg;
	body->flags = flags;
	body->zero = 0;
}

/* The next string, or a piece of it. */
static __always_inline void put_item(struct scratch *s, struct vectors *v, struct open_call *open)
{
	u32 size, flags = 0, head = 4;
	long length = read_user_string(spot(s, 4), PIECE, (void *)v->string);
	if (length == PIECE) {
		size = PIECE - 1;
		flags = ITEM_MORE;
	} else if (length > 0) {
		size = length - 1;
	} else {
		/* A page that is not there: what lies before it, if anything, and no more of this string. */
		size = PAGE - (v->string & (PAGE - 1));
		HIDE(size);
		size &= 0x1fff;
		if (read_user(spot(s, 12), size, (void *)v->string))
			size = 0;
		*(u64 *)spot(s, 4) = v->string;
		flags = ITEM_BROKEN;
		head = 12;
		open->incomplete = 1;
	}
	*(u32 *)spot(s, 0) = size | flags;
	v->string = flags & ITEM_MORE ? v->string + PIECE - 1 : 0;
	s->at += head + size;
}

/* A step: a chunk of the strings of one vector; goes on by calling itself. */
int copy_vectors(void *ctx)
{
	struct scratch *s = scratch_of_cpu();
	if (!s)
		return 0;
	struct vectors *v = &s->vectors;
	u32 tid = s->tid;
	struct open_call *open = open_calls.lookup(&tid);
	if (!open || !v->array)
		return 0;
	u32 flags = 0, count = 0;
	int fault = 0;
	begin(s, VECTOR);
	s->at += sizeof(struct vector);
	LOOP for (int i = 0; i < STRINGS_AT_ONCE; i++) {
		if (s->at > CHUNK)
			break;
		if (!v->string) {
			u64 string = element(v, v->index, &fault);
			if (fault || !string) {
				flags = fault ? VECTOR_FAULT : VECTOR_LAST;
				break;
			}
			v->string = string;
			v->index++;
		}
		put_item(s, v, open);
		count++;
	}
	put_vector(s, v, count, 0, flags);
	if (!send(s) || flags & VECTOR_FAULT)
		open->incomplete = 1;
	v->first += count;
	if (flags) {
		v->array = v->next_array;
		v->arg = v->next_arg;
		v->next_array = 0;
		v->string = 0;
		v->index = v->first = 0;
		if (!v->array)
			return 0;
	}
	call_steps.call(ctx, STEP_VECTORS);
	/* Still here: the kernel allows 33 calls in a row (MAX_TAIL_CALL_CNT). There are more strings than are copied. */
	open->incomplete = 1;
	u32 total = v->index, counted = VECTOR_CUT | VECTOR_FAULT;
	LOOP for (u32 i = 0; i < COUNTED; i++) {
		if (!element(v, total, &fault)) {
			counted = fault ? counted : VECTOR_CUT;
			break;
		}
		total++;
	}
	begin(s, VECTOR);
	s->at += sizeof(struct vector);
	put_vector(s, v, 0, total, counted);
	send(s);
	return 0;
}

/* --- a new program's arguments -------------------------------------------------------------------------------- */

/* A step: the arguments, and the environment where it is needed, as the kernel has just laid them out: in pages that are
 * there. Goes on by calling itself, and ends with the exec's own event. */
int copy_image(void *ctx)
{
	struct scratch *s = scratch_of_cpu();
	if (!s)
		return 0;
	u64 first = s->from, end = s->to;
	u32 missing = 0;
	begin(s, IMAGE);
	s->at += sizeof(struct image);
	LOOP for (int i = 0; i < PAGES_AT_ONCE; i++) {
		u64 address = s->from, step = PAGE - (address & (PAGE - 1));
		if (address >= end)
			break;
		if (step > end - address)
			step = end - address;
		HIDE(step);
		step &= 0x1fff;
		if (read_user(spot(s, 0), step, (void *)address)) {
			if (i == 0) {
				missing = step; /* this page alone */
				s->from = address + step;
			}
			break;
		}
		s->from = address + step;
		s->at += step;
	}
	struct image *body = (struct image *)(s->data + sizeof(struct event));
	body->address = first;
	body->missing = missing;
	body->zero = 0;
	send(s);
	if (s->from < end)
		task_steps.call(ctx, STEP_IMAGE);
	begin(s, EXEC);
	*(struct exec *)spot(s, 0) = s->exec;
	s->at += sizeof(struct exec);
	task_steps.call(ctx, STEP_IDENTITY);
	return 0;
}
