import io

from contrace.cli.progress import Progress


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_is_said_after_a_second_and_taken_away_at_the_end() -> None:
    screen, clock = Screen(), Clock()
    progress = Progress(200, text=io.StringIO(), stream=screen, clock=clock)
    progress(10)
    assert screen.getvalue() == ""
    clock.now = 1.0
    progress(50)
    progress(51)
    clock.now = 1.3
    progress(99)
    assert screen.getvalue() == "\r\x1b[Kcontrace: 25 % of the trace\r\x1b[Kcontrace: 49 % of the trace"
    progress.close()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_what_is_quick_says_nothing() -> None:
    screen, clock = Screen(), Clock()
    progress = Progress(200, text=io.StringIO(), stream=screen, clock=clock)
    progress(200)
    progress.close()
    assert screen.getvalue() == ""


def test_it_does_not_disturb_text_on_the_terminal_nor_a_log() -> None:
    for text, stream in ((Screen(), Screen()), (io.StringIO(), io.StringIO())):
        clock = Clock()
        progress = Progress(200, text=text, stream=stream, clock=clock)
        clock.now = 100.0
        progress(50)
        progress.close()
        assert stream.getvalue() == ""


def test_a_trace_that_grows_from_nothing() -> None:
    screen, clock = Screen(), Clock()
    progress = Progress(0, text=io.StringIO(), stream=screen, clock=clock)
    clock.now = 1.0
    progress(0)
    assert "0 %" in screen.getvalue()
