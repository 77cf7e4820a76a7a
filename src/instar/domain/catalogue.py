"""What is known of models before one is asked: facts by name, and how a reference such as `ollama:bge-m3` is read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from instar.errors import SettingError

ANY_PROVIDER = ""
PROVIDERS = ("static", "onnx", "gguf", "st", "ollama", "openai")
"""What may stand before the first colon of a reference."""

Option = str | int | float | bool


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model as the catalogue or the user describes it; None, "" and 0 where nothing is said.

    `provider` is one of `PROVIDERS`, "" for facts that hold wherever the model runs. `source` is its name at a server
    or on a hub, a folder or a file; `package` the Python package whose folder it is. `matryoshka` are the least
    and the most dimensions it may be truncated to; `truncation` those that are kept. `weights_bytes` is the size of
    the files the facts are about. `options` are handed to the provider (`num_ctx`, `threads`, …).
    """

    name: str
    provider: str = ANY_PROVIDER
    source: str = ""
    package: str = ""
    aliases: tuple[str, ...] = ()
    dimensions: int | None = None
    context_tokens: int | None = None
    pooling: str = ""
    appends_eos: bool = False
    query_prompt: str = ""
    document_prompt: str = ""
    matryoshka: tuple[int, int] | None = None
    truncation: int | None = None
    licence: str = ""
    weights_bytes: int = 0
    base_url: str = ""
    options: Mapping[str, Option] = field(default_factory=dict, hash=False)


def read_entries(tables: Mapping[str, Any], origin: str) -> dict[str, ModelEntry]:
    """Return entries by name from the tables of a TOML file; raises `SettingError` for a key or a value of no use."""
    return {name: _entry(name, table, origin) for name, table in tables.items()}


def _entry(name: str, table: object, origin: str) -> ModelEntry:
    if not isinstance(table, dict):
        raise SettingError(f"{name!r} in {origin} is no table", f'write ["{name}"] and its values below')
    known = {item.name for item in fields(ModelEntry)} - {"name"}
    unknown = sorted(set(table) - known)
    if unknown:
        raise SettingError(f"model {name!r} in {origin} has the unknown key {unknown[0]!r}", f"known: {sorted(known)}")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    try:
        return _checked(ModelEntry(name, **values), origin)
    except TypeError as error:
        raise SettingError(f"model {name!r} in {origin} cannot be read ({error})", "mend the value") from error


def _checked(entry: ModelEntry, origin: str) -> ModelEntry:
    if entry.provider not in (ANY_PROVIDER, *PROVIDERS):
        raise SettingError(
            f"model {entry.name!r} in {origin} has the unknown provider {entry.provider!r}",
            f"the providers are {', '.join(PROVIDERS)}",
        )
    numbers = {"dimensions": entry.dimensions, "context_tokens": entry.context_tokens, "truncation": entry.truncation}
    for key, value in numbers.items():
        if value is not None and (type(value) is not int or value < 1):
            raise SettingError(f"{key} = {value!r} of model {entry.name!r} ({origin}) is no number from 1", "mend it")
    if entry.truncation is not None and entry.dimensions is not None and entry.truncation > entry.dimensions:
        raise SettingError(
            f"model {entry.name!r} in {origin} has {entry.dimensions} dimensions, not {entry.truncation}",
            "truncate less",
        )
    return entry


def resolve(reference: str, entries: Mapping[str, ModelEntry]) -> ModelEntry:
    """Return the entry of a name of the catalogue, or of `provider:source`, with all that is known of the model.

    Raises `SettingError` for a name that is neither.
    """
    named = entries.get(reference)
    if named is not None and named.provider:
        return named
    provider, _, source = reference.partition(":")
    if provider in PROVIDERS and source:
        known = facts_of(source, entries.values())
        return replace(known or ModelEntry(reference), name=reference, provider=provider, source=source, package="")
    here = sorted(name for name, entry in entries.items() if entry.provider)
    raise SettingError(
        f"unknown model {reference!r}",
        f"choose of {', '.join(here)}, or name a provider: {', '.join(f'{p}:…' for p in PROVIDERS[1:])}",
    )


def facts_of(source: str, entries: Iterable[ModelEntry]) -> ModelEntry | None:
    """Return what is known of a model by its name anywhere; a tag, or what follows it, falls back to the family.

    `qwen3-embedding:4b-q8_0` is `qwen3-embedding:4b`, `library/bge-m3:latest` is `bge-m3`.
    """
    by_name = {alias.lower(): entry for entry in entries for alias in (entry.name, *entry.aliases)}
    whole = source.lower().removesuffix(":latest")
    names = (name for form in (whole, whole.rpartition("/")[2]) for name in _shortened(form))
    return next((by_name[name] for name in names if name in by_name), None)


def _shortened(name: str) -> Iterator[str]:
    """Yield a name, and what remains of it without its last parts."""
    while name:
        yield name
        name = name[: max(name.rfind(":"), name.rfind("-"), 0)]
