"""Rows as domain values."""

import json
from dataclasses import fields
from typing import Any

from instar.domain.corpus import Root, SessionChoice
from instar.domain.generations import Generation
from instar.domain.models import ModelSpec, StorageFormat
from instar.errors import DamagedError, SchemaError

GENERATION = "id, model, storage, fingerprint, created_at, changed"
"""The columns of `generation_of`."""
_FACTS = {item.name for item in fields(ModelSpec)}


def generation_of(row: tuple[Any, ...]) -> Generation:
    """Build a generation from the columns `GENERATION`.

    Raises `SchemaError` for what only a newer program says of a model, `DamagedError` for what cannot be read.
    """
    try:
        facts = dict(json.loads(row[1]))
        unknown = sorted(facts.keys() - _FACTS)
        if unknown:
            raise SchemaError(
                f"generation {row[0]} was made by a newer Instar, which says {unknown[0]!r} of its model",
                "upgrade Instar, or name another folder with --data",
            )
        model = ModelSpec(**facts)
        return Generation(row[0], model, StorageFormat(row[2]), row[3], row[4], row[5])
    except (ValueError, TypeError) as error:
        raise DamagedError(
            f"generation {row[0]} has no readable description: the database is damaged",
            "restore a backup, or index again into another folder",
        ) from error


def root_of(row: tuple[Any, ...]) -> Root:
    """Build a root from (id, path, added_at, scanned_at, pending, sessions)."""
    chosen = json.loads(row[5]) if row[5] is not None else None
    sessions = SessionChoice(tuple(chosen["folders"]), tuple(chosen["projects"])) if chosen is not None else None
    return Root(row[0], row[1], row[2], row[3], row[4], sessions)
