"""The timeline of a trace that grows: it begins at the end, and goes along with it."""

from contrace.tui.host import host
from contrace.tui.screens.timeline import TimelineScreen


class LiveScreen(TimelineScreen):
    """See the module. ``F`` stops and starts it."""

    def _open(self) -> None:
        super()._open()
        feed = host(self).feed
        if feed is not None and feed.recording():
            self.action_follow()
