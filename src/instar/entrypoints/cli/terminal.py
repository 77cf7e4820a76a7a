"""What may be printed on a terminal."""

import re

# Line breaks and escape sequences, of seven and eight bits, and what turns the direction of writing.
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return one line that only shows: what a file or its name holds must not steer the terminal."""
    return _CONTROLS.sub("\ufffd", text.rstrip("\r"))


def clipped(text: str, characters: int) -> str:
    """Return a text of at most `characters`; where something is cut off, an ellipsis is the last of them."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the right form."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
