"""Points in time for people and for programs."""

import re
from datetime import UTC, datetime, timedelta

from instar.errors import UsageError

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_AGE = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": _MINUTE, "h": _HOUR, "d": _DAY, "w": 7 * _DAY}


def point_in_time(text: str | None, option: str, now: float, *, end: bool = False) -> float | None:
    """Return a day, a time stamp (ISO 8601, local unless it says otherwise) or an age before `now` as seconds.

    Of a day its first moment, with `end` the first one behind it. Raises `UsageError` for anything else.
    """
    if text is None:
        return None
    if age := _AGE.fullmatch(text.strip()):
        return now - int(age[1]) * _UNITS[age[2]]
    try:
        found = datetime.fromisoformat(text.strip())
        whole_day = len(text.strip()) <= len("2026-02-01")
        return (found + timedelta(days=1) if end and whole_day else found).timestamp()
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"{option} {text!r} is no point in time", "write 2026-02-01, 2026-02-01T10:30, or an age as 7d or 12h"
        ) from None


def iso(seconds: float | None) -> str | None:
    """Return seconds since the epoch as ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def ago(seconds: float) -> str:
    """Return an age in words."""
    for size, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        count = int(seconds // size)
        if count > 0:
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"
