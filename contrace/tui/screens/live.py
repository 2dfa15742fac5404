"""The timeline of a trace that grows: it begins at the end, and goes along with it."""

from contrace.tui.screens.timeline import TimelineScreen


class LiveScreen(TimelineScreen):
    """See the module. ``F`` stops and starts it."""

    def _open(self) -> None:
        before = self._feed
        super()._open()
        if self._feed is not None and self._feed is not before and self._feed.recording():
            self.action_follow()
