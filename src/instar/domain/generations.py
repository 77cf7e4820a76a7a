"""A generation: the vectors of the whole corpus under one document fingerprint."""

from dataclasses import dataclass

from instar.domain.models import ModelSpec, StorageFormat


@dataclass(frozen=True, slots=True)
class Generation:
    """`fingerprint` is that of `model` and `storage`; `created_at` is in seconds since the epoch.

    `changed` says how its model was found to be another one when it was last looked at, "" where it was not.
    """

    id: int
    model: ModelSpec
    storage: StorageFormat
    fingerprint: str
    created_at: float
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Completeness:
    """A generation against the live texts of the corpus: `missing` have no vector, `quarantined` were given up."""

    texts: int
    missing: int
    quarantined: int
