from datetime import datetime

import pytest

from instar.entrypoints.cli.times import point_in_time
from instar.errors import UsageError

NOW = 1_770_000_000.0
DAY = 86_400


@pytest.mark.parametrize(
    ("text", "age"), [("7d", 7 * DAY), ("12h", DAY / 2), ("90m", 5_400), ("2w", 14 * DAY), ("0d", 0)]
)
def test_an_age_counts_back_from_now(text, age):
    assert point_in_time(text, "--since", NOW) == NOW - age


def test_a_day_begins_with_its_first_moment_and_ends_behind_its_last():
    first, behind = datetime(2026, 2, 1).astimezone(), datetime(2026, 2, 2).astimezone()
    assert point_in_time("2026-02-01", "--since", NOW) == first.timestamp()
    assert point_in_time("2026-02-01", "--until", NOW, end=True) == behind.timestamp()


def test_a_time_stamp_is_local_unless_it_says_otherwise():
    local = datetime(2026, 2, 1, 10, 30).astimezone().timestamp()
    assert point_in_time("2026-02-01T10:30", "--since", NOW) == local
    assert point_in_time("2026-02-01 10:30", "--until", NOW, end=True) == local
    assert point_in_time("1970-01-01T01:00:00+01:00", "--since", NOW) == 0
    assert point_in_time("1970-01-01T00:00:10Z", "--since", NOW) == 10


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "7", "d", "7y", "-7d", "9999-12-31", "1e9"])
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError, match="--until"):
        point_in_time(text, "--until", NOW, end=True)


def test_nothing_narrows_nothing():
    assert point_in_time(None, "--since", NOW) is None
