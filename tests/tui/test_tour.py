"""The tour shows what there is: its pictures are what the app draws, its table of keys is the table of keys.

After a wanted change ``python -m tests.tui.tour`` makes both anew.
"""

import re

import pytest

from tests.tui import tour, tour_live


@pytest.mark.parametrize("name", tour.ALL)
def test_a_picture_shows_what_the_app_draws(name, tmp_path):
    drawn = tour.text_of(tour.make(name, tmp_path)).split("\n")
    assert drawn == tour.text_of(tour.PICTURES / f"{name}.svg").split("\n")
    assert max(map(len, drawn)) <= tour.ALL[name].size[0]


def test_the_picture_of_a_shell_shows_what_the_app_draws(tmp_path):
    for picture in (tour.PICTURES / f"{tour_live.NAME}.svg", tour.make(tour_live.NAME, tmp_path)):
        shown = re.sub(r"\n[│┃]", "\n", tour.text_of(picture))
        assert all(each in shown for each in tour_live.SHOWS), shown


def test_there_are_no_other_pictures_and_the_tour_has_all():
    there = {*tour.ALL, tour_live.NAME}
    shown = re.findall(r"\]\(tour/(\w+)\.svg\)", tour.PAGE.read_text())
    assert sorted(shown) == sorted(there)
    assert {path.stem for path in tour.PICTURES.iterdir()} == there


def test_the_table_of_keys_is_that_of_the_app():
    page = tour.PAGE.read_text()
    assert tour.with_keys(page) == page


def test_the_pids_that_the_tour_tells_are_in_the_picture():
    seen = tour.text_of(tour.PICTURES / "child.svg")
    told = re.findall(r"`(\d+ on the host, 1 inside|\[\d+→1\])`", tour.PAGE.read_text())
    assert len(told) == 2
    assert all(each in seen for each in told)
