"""``birth``: a whole container."""

from contrace.runtime.demos import Act
from contrace.runtime.demos.stage import Stage


def _birth(stage: Stage) -> None:
    stage.container("sh", "-c", "ps; id; hostname")


ACTS = (
    Act(
        "A container is born",
        "Three short-lived processes make it. PARENT stays outside, CHILD makes the namespaces, INIT is the first\n"
        "process in them: it arranges what can be seen from there, gives up what it does not need, and becomes the\n"
        "program that was asked for.",
        _birth,
    ),
)
