"""How far a long piece of work has come."""

from typing import Protocol


class Progress(Protocol):
    """Is told how far a long piece of work has come."""

    def step(self, phase: str, done: int, total: int | None) -> None:
        """`done` of `total` (None while unknown) in `phase`."""
        ...


class SilentProgress:
    """A progress nobody watches."""

    def step(self, phase: str, done: int, total: int | None) -> None:
        """Do nothing."""
