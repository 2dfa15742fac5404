"""What the tests of whole captures share."""

import pytest

from contrace.capture.select import ebpf_missing


@pytest.fixture(params=["ptrace", "ebpf"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each way to capture, for --backend: what a user sees is the same."""
    if request.param == "ebpf" and (reason := ebpf_missing()):
        pytest.skip(reason)
    return str(request.param)
