"""FILTER words: what each lets pass, and what a wrong one is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrace import filters
from contrace.errors import UsageError
from contrace.filters import Facts

UNSHARE = Facts(
    'unshare(CLONE_NEWNS) = -1 EPERM (Operation not permitted) "/some path"',
    tid=12,
    pid=10,
    comm="runc:[2:INIT]",
    call="unshare",
    errno="EPERM",
    took_ns=7_000_000,
)
FORK = Facts("fork() = 13", tid=10, pid=10, comm="sh", call="fork", took_ns=100)
EXIT = Facts("+++ exited with 0 +++", tid=13, pid=13, comm="sh")
LOSS = Facts("LOST 3 records", tid=0, pid=0, always=True)


def passing(*words: str) -> list[Facts]:
    chosen = filters.parse(words)
    return [facts for facts in (UNSHARE, FORK, EXIT) if chosen.matches(facts)]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("call:unshare", [UNSHARE]),
        ("call:unshare,fork", [UNSHARE, FORK]),
        ("call:*fork", [FORK]),
        ("call:un*", [UNSHARE]),
        ("call:%birth", [UNSHARE, FORK]),
        ("pid:10", [UNSHARE, FORK]),
        ("pid:12", [UNSHARE]),
        ("pid:12,13", [UNSHARE, EXIT]),
        ("comm:sh", [FORK, EXIT]),
        ("comm:runc*", [UNSHARE]),
        ("comm:runc*,sh", [UNSHARE, FORK, EXIT]),
        ("failed", [UNSHARE]),
        ("errno:EPERM", [UNSHARE]),
        ("errno:ENOENT,EPERM", [UNSHARE]),
        ("errno:ENOENT", []),
        ("took:>5ms", [UNSHARE]),
        ("took:>7ms", []),
        ("took:>=7ms", [UNSHARE]),
        ("took:<1us", [FORK]),
        ("took:<=100ns", [FORK]),
        ("took:<0.5µs", [FORK]),
        ("took:<1s", [UNSHARE, FORK]),
        ("NEWNS", [UNSHARE]),
        ("newns", []),
        ('"/some path"', [UNSHARE]),
        ("text:exited", [EXIT]),
        ('text:"with 0"', [EXIT]),
        ("13", [FORK]),
        ("", [UNSHARE, FORK, EXIT]),
    ],
)
def test_a_word_lets_pass(word, expected):
    assert passing(word) == expected


@pytest.mark.parametrize("mark", ["-", "!"])
@pytest.mark.parametrize(
    "word", ["call:fork", "pid:10", "comm:sh", "failed", "errno:EPERM", "took:<1s", "exited", 'text:"with 0"']
)
def test_a_mark_before_a_word_turns_it_into_its_opposite(mark, word):
    without = passing(word)
    assert without
    assert passing(mark + word) == [facts for facts in (UNSHARE, FORK, EXIT) if facts not in without]


def test_several_words_must_all_be_true():
    assert passing("comm:sh", "-call:fork") == [EXIT]
    assert passing("failed", "exited") == []


def test_losses_are_shown_whatever_the_filter_says():
    assert filters.parse(["call:fork", "failed", "nowhere"]).matches(LOSS)


def test_a_lone_mark_is_text():
    assert passing("-") == [UNSHARE]
    assert passing("!") == []


@pytest.mark.parametrize(
    ("word", "place", "why"),
    [
        ("call:unshar", 5, "there is no system call unshar (did you mean unshare"),
        ("call:fork,unshar", 10, "there is no system call unshar (did you mean unshare"),
        ("call:fork,,clone", 10, "something is missing here"),
        ("call:", 5, "something is missing here"),
        ("-call:%births", 6, "there is no system call %births (did you mean %birth"),
        ("pid:containerd", 4, "not a process id"),
        ("pid:1,x", 6, "not a process id"),
        ("pid:-1", 4, "not a process id"),
        ("pid:１", 4, "not a process id"),  # a digit to Python, but not to the kernel
        ("errno:ENOENTRY", 6, "not the name of an error (did you mean ENOENT?)"),
        ("failed:yes", 7, "failed takes no value; for certain errors write errno:ENOENT"),
        ("took:5ms", 5, "say longer or shorter than what: took:>5ms, took:<1s"),
        ("took:>ms", 6, "a number is missing here"),
        ("took:>5", 7, "a unit is missing here: ns, us, ms or s"),
        ("took:>=5min", 8, "a unit is missing here: ns, us, ms or s"),
        ("text:", 5, "there is nothing to look for"),
        ('text:"', 6, "the closing quote is missing"),
        ('""', 0, "there is nothing to look for"),
        ('-"abc', 5, "the closing quote is missing"),
        ("cal:fork", 0, "there is no key cal: (did you mean call?)"),
        ("!pids:3", 1, "there is no key pids: (did you mean pid?)"),
        ("http://x", 0, "there is no key http: (to look for it in the text, write text:http:…)"),
    ],
)
def test_a_wrong_word_is_shown_with_a_mark_under_what_is_wrong(word, place, why):
    with pytest.raises(UsageError) as caught:
        filters.parse(["call:fork", word])
    message, shown, mark, there, *table = str(caught.value).split("\n")
    assert message.startswith(f"filter: {why}")
    assert shown == f"  {word}"
    assert mark == "  " + " " * place + "^"
    assert there == "There is:"
    assert [line.strip() for line in table] == filters.usage().splitlines()


def test_a_hostile_word_does_not_reach_the_terminal():
    with pytest.raises(UsageError) as caught:
        filters.parse(["pid:\x1b[31m\u202e"])
    assert str(caught.value).splitlines()[1] == "  pid:?[31m?"


def test_the_table_of_keys_shows_words_that_work():
    for key in filters.KEYS.values():
        filters.parse([key.example])
    assert [line.split("  ")[0] for line in filters.usage().splitlines()] == [k.example for k in filters.KEYS.values()]


@pytest.mark.parametrize("word", ["call:fork", "-pid:3", "failed", "!failed", "took:>5ms", "text:x", '"some text"'])
def test_words_that_are_surely_filters(word):
    assert filters.is_filter_word(word)


@pytest.mark.parametrize("word", ["containerd", "1234", "-", "x:y", "-runc"])
def test_words_that_may_be_something_else(word):
    assert not filters.is_filter_word(word)


@pytest.mark.parametrize("words", [["failed"], ["took:<1s"], ["errno:EPERM"], ["x"], ["call:fork", "-failed"]])
def test_some_words_can_only_be_asked_when_a_call_is_over(words):
    assert filters.parse(words).needs_result


@pytest.mark.parametrize("words", [[], ["call:fork"], ["pid:3", "-comm:sh"]])
def test_others_can_be_asked_at_its_entry(words):
    assert not filters.parse(words).needs_result


def test_a_filter_can_be_taken_apart_for_what_keeps_columns():
    chosen = filters.parse(["-call:fork", "took:>=1.5ms", "pid:3,12", "newns"])
    assert [(term.negated, term.key, term.value) for term in chosen.terms] == [
        (True, "call", "fork"),
        (False, "took", ">=1.5ms"),
        (False, "pid", "3,12"),
        (False, "text", "newns"),
    ]
    assert [term.matches(UNSHARE) for term in chosen.terms] == [True, True, True, False]
    assert filters.duration(chosen.terms[1].value) == (">=", 1_500_000)
    assert filters.ids(chosen.terms[2].value) == {3, 12}


def test_what_is_always_shown_is_not_always_what_is_looked_for():
    chosen = filters.parse(["nowhere"])
    assert chosen.matches(LOSS)
    assert not chosen.finds(LOSS)


def test_a_line_is_split_like_a_search_box():
    assert filters.words_of('call:fork  "some text" -text:"a b" x"y z"') == [
        "call:fork",
        '"some text"',
        '-text:"a b"',
        'x"y z"',
    ]
    assert filters.words_of('"not closed') == ['"not closed']


@given(st.text())
def test_whatever_is_typed_is_a_filter_or_a_usage_error(line):
    for word in filters.words_of(line):
        try:
            filters.parse([word]).matches(UNSHARE)
        except UsageError as wrong:
            assert "There is:" in str(wrong)  # noqa: PT017
