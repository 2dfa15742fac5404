"""prctl(2): one row per option that Linux 6.18 knows (include/uapi/linux/prctl.h)."""

from contrace.syscalls.rows import Arg, As, Copy, Option, What

OPTIONS: dict[int, Option] = {
    15: Option("PR_SET_NAME", (Arg("name", As.STRING),), (Copy(1, What.STRING, 16),)),
}
