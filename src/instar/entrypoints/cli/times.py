"""Points in time for people and for programs."""

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def iso(seconds: float | None) -> str | None:
    """Return seconds since the epoch as ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def ago(seconds: float) -> str:
    """Return an age in words."""
    if seconds < _MINUTE:
        return "just now"
    for size, name in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if seconds >= size:
            return f"{int(seconds // size)} {name} ago"
    return "just now"
