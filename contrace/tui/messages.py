"""What workers tell the app and the screens. Data only: the handlers own the state and decide what to make of it."""

from textual.message import Message

from contrace.tui.feed import Feed


class Grown(Message):
    """More of the trace was taken in, or more of a selection was found. Many of them become one."""

    def can_replace(self, message: Message) -> bool:
        """One in the queue is enough."""
        return isinstance(message, Grown)


class Progressed(Message):
    """Long work goes on."""

    def __init__(self, job: int, done: float) -> None:
        """``job``: which work, by its number; ``done``: 0..1."""
        super().__init__()
        self.job = job
        self.done = done

    def can_replace(self, message: Message) -> bool:
        """Only the last one counts."""
        return isinstance(message, Progressed) and message.job == self.job


class Finished(Message):
    """Long work is over."""

    def __init__(self, job: int, result: int | None) -> None:
        """``result``: of a search the position, of an export the bytes that were written; None: nothing was found."""
        super().__init__()
        self.job = job
        self.result = result


class Failed(Message):
    """A worker met an error that the user should read."""

    def __init__(self, text: str, job: int | None = None) -> None:
        """``text``: not escaped yet; ``job``: the work that ended with it."""
        super().__init__()
        self.text = text
        self.job = job


class Refused(Message):
    """A trace could not be read for a screen that shows one moment or all of it."""

    def __init__(self, feed: Feed, text: str) -> None:
        """``feed``: of which trace, since another may be open by now; ``text``: not escaped yet."""
        super().__init__()
        self.feed = feed
        self.text = text
