"""The process tree as a user sees it."""

import time

from contrace.story.tree import Key, ProcessTree
from contrace.tui.widgets.tree import ProcessTreeView
from tests.tui.pane import in_pane, lines, text, until
from tests.unit.scene import ended, executed, start

SHOWN_MS = 100  # the bound for 20,000 processes


def tree_of(*records):
    tree = ProcessTree()
    for id, record in enumerate(records, 1):
        tree.feed(id, record)
    return tree


def born(*more):
    """A manager that starts a shim, which starts a container's init and a helper."""
    return tree_of(
        start(0, 100, 1, how="attach", comm=b"containerd"),
        start(1, 200, 100),
        executed(2, b"/usr/bin/shim", tid=200, argv=(b"shim", b"-id", b"demo")),
        start(3, 300, 200, nspids=(300, 1), comm=b"runc:[2:INIT]"),
        executed(4, b"/bin/sleep", tid=300, argv=(b"sleep", b"1000")),
        start(5, 400, 200, comm=b"helper"),
        ended(17.3, 400, status=3),
        *more,
    )


def in_tree(tree, steps, size=(90, 12)):
    async def shown(pilot, pane):
        pane.widget.show(tree)
        await pilot.pause()
        await steps(pilot, pane)

    in_pane(ProcessTreeView(), shown, size)


def test_who_started_whom_with_both_pids_and_how_it_ended():
    async def steps(pilot, pane):
        found = text(pane).split("\n")
        assert found[0].rstrip() == "> ▾● containerd[100]"
        assert found[1].rstrip() == "  └▾● shim[200]  shim -id demo"
        assert found[2].rstrip() == "   ├ ● sleep[300→1]  sleep 1000"
        assert found[3].startswith("   └ ! helper[400] exit 3 12.3ms  shim -id demo")

    in_tree(born(), steps)


def test_a_narrow_tree_cuts_names_not_pids():
    async def steps(pilot, pane):
        assert text(pane).split("\n")[:3] == ["> ▾● contain…[100]", "  └▾● shim[200]  …", "   ├ ● sle…[300→1]"]

    in_tree(born(), steps, (19, 8))


def test_the_end_of_a_process_is_a_sign_and_words():
    async def steps(pilot, pane):
        assert "! sleep[300→1] SIGKILL 27.0ms" in text(pane)
        assert "○ shim[200] exit 0" in text(pane)

    in_tree(born(ended(30, 300, signal=9), ended(31, 200)), steps)


def test_enter_narrows_and_again_widens():
    async def steps(pilot, pane):
        await pilot.press("down", "enter")
        await until(pilot, lambda: [each.key for each in pane.posted] == [Key(200, 0)])
        await pilot.pause()
        assert lines(pane)[1].startswith(">#└▾● shim")
        await pilot.press("enter")
        await until(pilot, lambda: [each.key for each in pane.posted] == [Key(200, 0), None])
        await pilot.pause()
        assert "#" not in text(pane)

    in_tree(born(), steps)


def test_escape_widens():
    async def steps(pilot, pane):
        await pilot.press("escape")
        assert not pane.posted
        await pilot.press("enter", "down", "escape")
        await until(pilot, lambda: [each.key for each in pane.posted] == [Key(100, 0), None])

    in_tree(born(), steps)


def test_a_double_click_narrows():
    async def steps(pilot, pane):
        await pilot.click(ProcessTreeView, offset=(8, 2), times=2)
        await until(pilot, lambda: [each.key for each in pane.posted] == [Key(300, 0)])

    in_tree(born(), steps)


def test_folding():
    async def steps(pilot, pane):
        await pilot.press("down", "left")
        await pilot.pause()
        assert "▸● shim" in text(pane)
        assert "sleep[" not in text(pane)
        await pilot.press("right")
        await pilot.pause()
        assert "sleep[300" in text(pane)
        await pilot.press("right")
        assert pane.widget.current == Key(300, 0)
        await pilot.press("left")
        assert pane.widget.current == Key(200, 0)

    in_tree(born(), steps)


def test_a_click_on_the_sign_folds():
    async def steps(pilot, pane):
        await pilot.click(ProcessTreeView, offset=(3, 1))
        await pilot.pause()
        assert "> └▸● shim" in text(pane)
        assert "sleep[" not in text(pane)
        await pilot.click(ProcessTreeView, offset=(3, 1))
        await pilot.pause()
        assert "sleep[300" in text(pane)
        assert not pane.posted

    in_tree(born(), steps)


def test_an_end_is_seen_when_the_tree_is_shown_again():
    tree = born()

    async def steps(pilot, pane):
        tree.feed(50, ended(40, 300, signal=15))
        pane.widget.show(tree)
        await pilot.pause()
        assert "! sleep[300→1] SIGTERM" in text(pane)

    in_tree(tree, steps)


def test_selecting_unfolds_what_is_above():
    async def steps(pilot, pane):
        await pilot.press("left")
        await pilot.pause()
        assert "shim" not in text(pane)
        pane.widget.select(Key(400, 0))
        await pilot.pause()
        assert any(line.startswith(">") and "helper[400]" in line for line in lines(pane))
        pane.widget.select(Key(9999, 0))
        assert pane.widget.current == Key(400, 0)

    in_tree(born(), steps)


def test_a_growing_tree_keeps_the_cursor_on_its_process():
    tree = born()

    async def steps(pilot, pane):
        pane.widget.select(Key(400, 0))
        tree.feed(50, start(40, 350, 300, comm=b"inside", nspids=(350, 7)))
        pane.widget.show(tree)
        await pilot.pause()
        assert "inside[350→7]" in text(pane)
        assert any(line.startswith(">") and "helper[400]" in line for line in lines(pane))

    in_tree(tree, steps)


def test_hostile_names_are_text():
    name, word = b"[b]\x1b[2J", b"[/]\xe2\x80\xae\n"

    async def steps(pilot, pane):
        assert r"[b]\33[2J[5]  [/]\342\200\256\n" in text(pane)
        assert all(line.isprintable() for line in lines(pane))

    in_tree(tree_of(start(0, 5, 1, comm=name), executed(1, b"/x", tid=5, comm=name, argv=(word,))), steps)


def test_twenty_thousand_processes_are_there_at_once():
    flat = tree_of(start(0, 1, 0), *(start(1, pid, 1) for pid in range(2, 20_001)))
    deep = tree_of(start(0, 1, 0), *(start(1, pid, pid // 3) for pid in range(2, 20_001)))

    async def steps(pilot, pane):
        for tree in (flat, deep):
            took = []
            for _ in range(3):
                began = time.perf_counter()
                pane.widget.show(ProcessTree())
                pane.widget.show(tree)
                [pane.widget.render_line(y) for y in range(pane.widget.size.height)]
                took.append((time.perf_counter() - began) * 1000)
            assert min(took) <= SHOWN_MS
        pane.widget.select(Key(19_999, 0))
        await pilot.pause()
        assert any(line.startswith(">") and "[19999]" in line for line in lines(pane))

    in_tree(ProcessTree(), steps)
