"""An execve's strings: put together from their parts, and repaired without ever being wrong."""

from hypothesis import given
from hypothesis import strategies as st

from contrace.capture.ebpf import wire
from contrace.capture.ebpf.image import Image, Strings, repair_argv, repair_path
from contrace.capture.ebpf.wire import VECTOR_CUT, VECTOR_FAULT, VECTOR_LAST, Chunk
from contrace.records import Block, Memory, Text
from tests.unit.capture.ebpf.events import Area

ARRAY, WORD = 0x5000, 8
Item = tuple[bytes, int | None, bool]


def whole(*texts: bytes) -> tuple[Item, ...]:
    return tuple((text, None, False) for text in texts)


def chunk(items: tuple[Item, ...], *, first: int = 0, flags: int = VECTOR_LAST, total: int = 0) -> Chunk:
    return Chunk(ARRAY, first, len(items), total, 1, flags, items)


def strings(*chunks: Chunk) -> Strings:
    found = Strings(1, ARRAY, WORD)
    for part in chunks:
        found.add(part)
    return found


def broken(*texts: bytes | None) -> Strings:
    """With a None for what could not be read at all."""
    return strings(chunk(tuple((text or b"", 0x99 if text is None else None, False) for text in texts)))


# --- parts ----------------------------------------------------------------------------------------------------


def test_parts_are_joined_and_so_are_long_strings() -> None:
    parts = chunk(((b"a", None, False), (b"long", None, True)), flags=0), chunk(whole(b"er", b"c"), first=2)
    found = strings(*parts)
    assert found.items == [b"a", b"longer", b"c"]
    assert found.whole


def test_behind_a_lost_part_nothing_is_put_in_the_wrong_place() -> None:
    parts = [chunk(whole(b"a"), flags=0), chunk(whole(b"c"), first=2)]
    vector = strings(*parts).vector()
    assert (vector.items, vector.total) == ((b"a",), 2)


def test_of_a_string_whose_rest_was_lost_nothing_is_told() -> None:
    begun = chunk(((b"a", None, False), (b"begin", None, True)), flags=0)
    for parts in ([begun], [begun, chunk(whole(b"c"), first=3)]):
        vector = strings(*parts).vector()
        assert (vector.items, vector.total) == ((b"a",), 2)
    vector = strings(begun, chunk((), first=2, flags=VECTOR_CUT, total=5)).vector()
    assert (vector.items, vector.total) == ((b"a",), 5)


def test_what_cannot_be_read_is_marked() -> None:
    vector = strings(chunk(((b"a", None, False), (b"b", 0x77, False)))).vector()
    assert (vector.items, vector.broken, vector.total) == ((b"a", b"b"), {1: 0x77}, None)
    vector = strings(chunk(whole(b"a", b"b"), flags=VECTOR_FAULT)).vector()
    assert (vector.items, vector.fault) == ((b"a", b"b"), ARRAY + 2 * WORD)
    vector = strings(chunk(whole(b"a"), flags=VECTOR_CUT | VECTOR_LAST, total=9)).vector()
    assert (vector.items, vector.total) == ((b"a",), 9)


# --- the argument area ----------------------------------------------------------------------------------------


def image(area: Area, step: int = 4096, lost: frozenset[int] = frozenset()) -> Image:
    found = Image()
    for event in area.events(1, 5, step, lost=lost):
        found.add(event)
    return found


@given(st.lists(st.binary(max_size=9).map(lambda text: text.replace(b"\0", b"")), max_size=6), st.integers(1, 12))
def test_the_area_is_read_whatever_its_parts(texts: list[bytes], step: int) -> None:
    area = Area(tuple(texts), (b"E=1",), b"/name")
    found = image(area, step)
    assert found.strings(area.start, area.middle, len(texts)) == tuple(texts)
    assert found.strings(area.middle, area.end, 1) == (b"E=1",)
    assert found.filename(area.end) == b"/name"


@given(st.integers(1, 6), st.integers(0, 9))
def test_a_lost_part_ends_what_is_known(step: int, lost: int) -> None:
    area = Area((b"aa", b"", b"cccc"), (), b"/name")
    found = image(area, step, frozenset({lost}))
    known = found.strings(area.start, area.middle, 3)
    assert area.argv[: len(known)] == known
    assert found.filename(area.end) in (b"/name", None)


# --- repair ---------------------------------------------------------------------------------------------------


def test_a_programs_argv_is_its_own() -> None:
    found = broken(b"a", None, b"c")
    repair_argv(found, (b"a", b"b", b"c"), b"/a")
    assert (found.items, found.whole) == ([b"a", b"b", b"c"], True)


def test_a_vector_of_unknown_length_is_the_programs_if_it_is_no_scripts() -> None:
    found = strings(chunk((), flags=VECTOR_FAULT))
    repair_argv(found, (b"a", b"b"), b"/a")
    assert (found.items, found.whole) == ([b"a", b"b"], True)


def test_a_scripts_own_name_for_itself_is_nowhere_else() -> None:
    found = broken(None, None, b"c")
    repair_argv(found, (b"/bin/sh", b"-e", b"/script", b"b", b"c"), b"/script")
    assert (found.items, found.broken) == ([b"", b"b", b"c"], {0: 0x99})


def test_so_with_nested_scripts() -> None:
    found = broken(b"name", None)
    repair_argv(found, (b"/bin/sh", b"/inner", b"-x", b"/outer", b"b"), b"/outer")
    assert (found.items, found.broken) == ([b"name", b"b"], {})


def test_where_there_is_doubt_it_stays_as_it_is() -> None:
    # of a script with unknown arguments or of a program that is called so
    found = strings(chunk((), flags=VECTOR_FAULT))
    repair_argv(found, (b"/bin/sh", b"/script", b"b"), b"/script")
    assert (found.items, found.fault) == ([], ARRAY)


def test_what_does_not_fit_is_not_taken() -> None:
    found = broken(b"other", None)
    repair_argv(found, (b"a", b"b"), b"/a")
    assert (found.items, found.broken) == ([b"other", b""], {1: 0x99})


def test_an_empty_argv_stays_as_it_was() -> None:
    found = strings(chunk(()))
    repair_argv(found, (b"",), b"/a")  # the kernel puts an empty string there (fs/exec.c, since Linux 5.18)
    assert (found.items, found.whole) == ([], True)


def test_without_the_name_nothing_of_unknown_length_is_repaired() -> None:
    found = strings(chunk((), flags=VECTOR_FAULT))
    repair_argv(found, (b"a",), None)
    assert found.fault


WORDS = st.sampled_from([b"", b"a", b"b", b"/s", b"/i", b"-e"])


@given(
    st.lists(WORDS, min_size=1, max_size=4),
    st.lists(st.tuples(WORDS, st.one_of(st.none(), WORDS)), max_size=2),
    st.data(),
)
def test_no_string_is_ever_wrong(
    argv: list[bytes], interpreters: list[tuple[bytes, bytes | None]], data: st.DataObject
) -> None:
    """``argv`` of a program, or of a script with these interpreters and their arguments, read in part."""
    name, new = b"/s", tuple(argv)
    asked_for = name
    for interpreter, argument in interpreters:  # fs/binfmt_script.c, load_script
        new = (interpreter, *(() if argument is None else (argument,)), asked_for, *new[1:])
        asked_for = interpreter
    places = [data.draw(st.sampled_from(["whole", "cut", "unreadable"])) for _ in argv]
    items: list[Item] = []
    for text, how in zip(argv, places, strict=True):
        seen = {"whole": text, "cut": text[: len(text) // 2], "unreadable": b""}[how]
        items.append((seen, None if how == "whole" else 0x99, False))
    kept = data.draw(st.integers(0, len(items)))
    flags = VECTOR_LAST if kept == len(items) else data.draw(st.sampled_from([0, VECTOR_FAULT]))
    found = strings(chunk(tuple(items[:kept]), flags=flags))
    repair_argv(found, new, data.draw(st.sampled_from([name, None])))
    vector = found.vector()
    for place, item in enumerate(vector.items):
        assert argv[place].startswith(item)
        assert place in vector.broken or item == argv[place]
    assert len(vector.items) == len(argv) or vector.fault or vector.total


def test_a_path_is_filled_in_where_it_is_broken() -> None:
    texts: list[Memory] = [
        Text(arg=0, address=1, data=b"/fi", broken=True),
        Block(arg=0, address=2, data=b"", wanted=1),
        Text(arg=1, address=3, data=b"kept"),
    ]
    kept = texts[1:]
    repair_path(texts, b"/file")
    assert texts == [Text(arg=0, address=1, data=b"/file"), *kept]


def test_an_items_bytes_are_those_of_the_event() -> None:
    packed = [wire.ITEM.pack(1) + b"a", wire.ITEM.pack(0x80000002) + wire.POINTER.pack(0x77) + b"bc"]
    data = bytes(wire.BODY) + wire.VECTOR.pack(ARRAY, 0, 2, 0, 1, VECTOR_LAST, 0) + b"".join(packed)
    assert wire.chunk(data).items == ((b"a", None, False), (b"bc", 0x77, False))
