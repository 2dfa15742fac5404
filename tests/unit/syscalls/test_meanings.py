"""The sentences are complete, short, and about things that exist."""

from collections import defaultdict

import pytest

from contrace.syscalls.flags import FAMILIES, meanings
from contrace.syscalls.flags.errno import ERRNO, KERNEL_ONLY, RESTART
from contrace.syscalls.flags.meanings.calls import MOUNT_OPERATIONS
from contrace.syscalls.flags.meanings.failures import FAILURES
from contrace.syscalls.flags.signal import SIGNALS
from contrace.syscalls.prctl import OPTIONS
from contrace.syscalls.specs import GROUPS, SPECS

BIRTH = set(GROUPS["%birth"])
ERRNOS = {*(name for name, _ in (*ERRNO.values(), *RESTART.values())), *KERNEL_ONLY.values()}
EXPLAINED = {name for name in FAMILIES if not name.startswith("bpf_")}

TABLES = {
    **{f"family {name}": table for name, table in meanings.FLAGS.items()},
    "options": meanings.OPTIONS,
    "signals": meanings.SIGNALS,
    "errors": meanings.ERRNOS,
    "calls": meanings.CALLS,
    "births": meanings.BIRTH,
    "single values": {
        name: getattr(meanings, name)
        for name in ("AT_FDCWD", "EXIT_SIGNAL", "SETNS_ANY", "MS_MGC_VAL", "PR_SET_PTRACER_ANY")
    },
    "operations of mount": {flags[0]: sentence for flags, sentence in MOUNT_OPERATIONS},
}
OTHERS = [*meanings.RETURNS.values(), *(row.sentence for row in FAILURES), meanings.UNKNOWN]


def test_every_family_that_somebody_sets_is_explained():
    assert set(meanings.FLAGS) == EXPLAINED


@pytest.mark.parametrize("family", sorted(EXPLAINED))
def test_every_flag_of_a_family_has_a_sentence_and_no_sentence_is_without_flag(family):
    assert set(meanings.FLAGS[family]) == {name for name, _ in FAMILIES[family].entries}


def test_every_option_signal_and_error_has_a_sentence():
    assert set(meanings.OPTIONS) == {option.name for option in OPTIONS.values()}
    assert set(meanings.SIGNALS) == set(SIGNALS.values())
    assert set(meanings.ERRNOS) == ERRNOS


def test_every_call_of_a_birth_says_what_it_does_and_what_for():
    assert set(meanings.CALLS) == BIRTH
    assert set(meanings.BIRTH) == BIRTH
    assert set(meanings.RETURNS) <= BIRTH


@pytest.mark.parametrize("table", TABLES)
def test_a_sentence_fits_into_a_line_and_is_one(table):
    for name, sentence in TABLES[table].items():
        assert len(sentence) <= meanings.LONGEST, name
        assert sentence.endswith("."), name
        assert sentence[0].isupper(), name
        assert sentence.isascii(), name
        assert sentence.isprintable(), name
        assert sentence == " ".join(sentence.split()), name


def test_the_other_sentences_are_sentences_as_well():
    for sentence in OTHERS:
        assert len(sentence) <= meanings.LONGEST, sentence
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert sentence.isascii()


def test_no_two_names_share_a_sentence():
    """Within a table nothing does; elsewhere only the same name may say the same again."""
    names = defaultdict(set)
    for table, sentences in TABLES.items():
        assert len(set(sentences.values())) == len(sentences), table
        if table not in ("births", "operations of mount"):
            for name, sentence in sentences.items():
                names[sentence].add(name)
    assert {sentence: shared for sentence, shared in names.items() if len(shared) > 1} == {}


def test_no_number_of_a_flag_is_written_a_second_time():
    for sentences in TABLES.values():
        assert not [sentence for sentence in sentences.values() if "0x" in sentence]


# --- failures -------------------------------------------------------------------------------------------------


def test_failures_are_about_calls_and_errors_that_exist():
    for row in FAILURES:
        assert row.calls
        assert set(row.calls) <= BIRTH, row
        assert row.errno in ERRNOS, row


def _flags_of(call: str) -> set[str]:
    """Every name that may stand among the flags of a call."""
    if call == "prctl":
        families = {name for name in EXPLAINED if name.startswith(("pr_", "seccomp_", "secure"))}
        return {*meanings.OPTIONS, *(flag for family in families for flag in meanings.FLAGS[family])}
    own = {"clone": "clone", "clone3": "clone3", "mount": "mount"}
    families = {own[call]} if call in own else {arg.family for arg in SPECS[call].args if arg.family}
    return {flag for family in families for flag in meanings.FLAGS[family]}


def test_a_failure_that_needs_a_flag_names_one_that_the_call_takes():
    for row in FAILURES:
        for call in row.calls:
            assert {row.only_with, *row.never_with} - {""} <= _flags_of(call), (call, row)


def test_no_reason_is_given_twice():
    seen = [(call, row.errno, row.only_with, row.sentence) for row in FAILURES for call in row.calls]
    assert len(seen) == len(set(seen))


def test_a_reason_that_fits_the_flags_comes_before_a_general_one():
    plain = meanings.reasons("unshare", "ENOSPC", frozenset())
    special = meanings.reasons("unshare", "ENOSPC", frozenset({"CLONE_NEWPID"}))
    assert len(plain) == 1
    assert special[1:] == plain
    assert "nested too deep" in special[0]


def test_a_reason_that_the_flags_exclude_is_not_given():
    assert "CAP_SYS_ADMIN" in meanings.reasons("unshare", "EPERM", frozenset({"CLONE_NEWNS"}))[0]
    assert "CAP_SYS_ADMIN" not in " ".join(meanings.reasons("unshare", "EPERM", frozenset({"CLONE_NEWUSER"})))
    assert len(meanings.reasons("mount", "EINVAL", frozenset({"MS_BIND", "MS_REC"}))) == 1


def test_an_error_that_says_nothing_special_has_no_reasons():
    assert meanings.reasons("unshare", "EDOM", frozenset()) == ()
    assert meanings.reasons("read", "EINVAL", frozenset()) == ()
