"""What the tests of whole captures share."""

from pathlib import Path

import pytest

from tests.bundles import Shop
from tests.managers.fixtures import need


@pytest.fixture
def shop(tmp_path: Path, rootfs: Path) -> Shop:
    """For one changed config.json after the other."""
    need()
    return Shop(tmp_path, rootfs)


@pytest.fixture
def gift(tmp_path: Path) -> Path:
    directory = tmp_path / "gift"
    directory.mkdir()
    (directory / "file").write_text("given\n")
    return directory
