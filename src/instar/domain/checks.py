"""What a check of a model finds, and what it weighs against what is free."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from instar.domain.models import StorageFormat

Figure = str | int | float


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; where something is wrong, `finding` says what, and `remedy` what to do next.

    `note` says what a figure means where nothing is wrong.
    """

    name: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    finding: str = ""
    remedy: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """What there is to embed, and what it may take: sizes in bytes, None where that is not known.

    `texts` are those of the corpus. `weights_bytes` are loaded into `free_memory_bytes`; a server has its own memory.
    """

    texts: int
    storage: StorageFormat
    free_disk_bytes: int
    weights_bytes: int | None = None
    free_memory_bytes: int | None = None
