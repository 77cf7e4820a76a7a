"""What is known of models before one is asked: facts by name, and how a reference such as `ollama:bge-m3` is read."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from instar.domain.options import Option, check_options
from instar.errors import SettingError, UnknownModelError

ANY_PROVIDER = ""
STATIC = "static"
"""The provider of tables of token vectors, which are summed as they are, and the name of the built-in one.

Such files say which revision they are, and this program sums them: no canary would tell more."""
PROVIDERS = (STATIC, "onnx", "gguf", "st", "ollama", "openai")
"""What may stand before the first colon of a reference."""
AT_SERVERS = ("ollama", "openai")
"""Those of the providers whose models are loaded elsewhere, under an address."""
HUB_PARTS = 3
"""Owner, repository and file: what names a GGUF file of the hub has at least."""
POOLINGS = ("mean", "cls", "last")
NOT_OF_STATIC = ("query_prompt", "document_prompt", "centred", "truncation")
"""What such a table has no use for."""
ADDRESS = "an address: http:// or https://, a host, and a port up to 65535 where it needs one"
"""What `is_address` wants, in words."""
FROM_NAME = "its name"
"""The origin of what stands in a reference itself."""

LIKE = 0.6
"""How alike a name must be to be named instead of an unknown one: a slip of a letter or two, or a part left out."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model as the catalogue or the user describes it; None, "" and 0 where nothing is said.

    `provider` is one of `PROVIDERS`, "" for facts that hold wherever the model runs. `source` is its name at a server
    or on a hub, a folder or a file; `package` the Python package whose folder it is. `appends_eos`: whether the model
    needs an end token behind each text. `matryoshka` are the least and the most dimensions it may be truncated to;
    `centred`: whether their mean is taken off before; `truncation` those that are kept. `weights_bytes` is the size of
    the weights in the files the facts are about. `options` are handed to the provider (`num_ctx`, `threads`, …).
    `origins` names the place each value comes from, by key. `problem`: why it cannot be used, for a table with a slip.
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
    centred: bool = False
    truncation: int | None = None
    licence: str = ""
    weights_bytes: int = 0
    base_url: str = ""
    options: Mapping[str, Option] = field(default_factory=dict, hash=False)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    problem: SettingError | None = field(default=None, compare=False)

    @property
    def place(self) -> str:
        """Where the model is found, without what may stand before `@` in the address of its server."""
        return " ".join(filter(None, (self.source, without_password(self.base_url))))


def without_password(address: str) -> str:
    """Return the address of a server without what may stand before `@` in it."""
    return re.sub(r"^([a-z]+://)?[^/?#]*@", r"\1", address, flags=re.IGNORECASE)


def is_hub_file(source: str) -> bool:
    """Whether this may name a GGUF file of the hub, where no file here has that name."""
    path = PurePath(source)
    return not path.is_absolute() and len(path.parts) >= HUB_PARTS


def is_address(text: str) -> bool:
    """Whether this is the address of a server: http:// or https:// and a host."""
    try:
        parts = urlsplit(text)
        if parts.port == 0:  # beyond 65535 it raises
            return False
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 1


def _is_truth(value: object) -> bool:
    return isinstance(value, bool)


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]


def _are_options(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, Option) for item in value.values())


_KINDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "provider": (lambda value: value in PROVIDERS, f"one of {', '.join(PROVIDERS)}"),
    "source": (_is_text, "a text"),
    "package": (_is_text, "a text"),
    "aliases": (_are_names, "a list of names"),
    "dimensions": (_is_number, "a number from 1"),
    "context_tokens": (_is_number, "a number from 1"),
    "pooling": (lambda value: value in POOLINGS, f"one of {', '.join(POOLINGS)}"),
    "appends_eos": (_is_truth, "true or false"),
    "query_prompt": (_is_text, "a text"),
    "document_prompt": (_is_text, "a text"),
    "matryoshka": (_is_range, "a list of two numbers, the least and the most"),
    "centred": (_is_truth, "true or false"),
    "truncation": (_is_number, "a number from 1"),
    "licence": (_is_text, "a text"),
    "weights_bytes": (_is_number, "a number from 1"),
    "base_url": (lambda value: value == "" or (isinstance(value, str) and is_address(value)), ADDRESS),
    "options": (_are_options, "a table of texts, numbers, true and false"),
}
"""What each key of a table must be, and how to say so."""


def read_entries(
    tables: Mapping[str, Any], origin: str, known: Mapping[str, ModelEntry] | None = None
) -> dict[str, ModelEntry]:
    """Return entries by name from the tables of a TOML file; raises `SettingError` for what is no table and for a key.

    What a table does not say is taken from the entry of this name in `known`, else from what is known of its source.
    A value of no use is a `problem` of its entry: it stops nobody who asks for another model.
    """
    for name, table in tables.items():
        _check_keys(name, table, origin)
    return {name: _read(name, table, origin, known or {}) for name, table in tables.items()}


def sound(entry: ModelEntry) -> ModelEntry:
    """Return the entry. Raises `SettingError` where its table has a slip."""
    if entry.problem is not None:
        raise SettingError(entry.problem.message, entry.problem.remedy)
    return entry


def _check_keys(name: str, table: object, origin: str) -> None:
    if not isinstance(table, dict):
        raise SettingError(f"{name!r} in {origin} is no table", f'write ["{name}"] and its values below')
    for key in table:
        if key not in _KINDS:
            raise SettingError(
                f"model {name!r} in {origin} has the unknown key {key!r}", f"the keys are {', '.join(_KINDS)}"
            )


def _read(name: str, table: Mapping[str, Any], origin: str, known: Mapping[str, ModelEntry]) -> ModelEntry:
    try:
        return _entry(name, table, origin, known)
    except SettingError as error:
        # Under each of its names: what the table says of them may not be passed over.
        aliases = table.get("aliases")
        base = known.get(name) or ModelEntry(name)
        names = tuple(aliases) if isinstance(aliases, list) and _are_names(aliases) else base.aliases
        return ModelEntry(name, aliases=names, problem=error)


def _entry(name: str, table: Mapping[str, Any], origin: str, known: Mapping[str, ModelEntry]) -> ModelEntry:
    for key, value in table.items():
        _check_value(name, key, value, origin)
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    base = known.get(name) or _known_of(values, known) or ModelEntry(name)
    origins = {**base.origins, **dict.fromkeys(values, origin)}
    entry = _checked(replace(base, **values, name=name, origins=origins), origin)
    useless = [key for key in NOT_OF_STATIC if key in values]
    if entry.provider == STATIC and useless:
        raise SettingError(
            f"{useless[0]} of model {name!r} ({origin}) has no effect on a static model", "remove it from the table"
        )
    if "base_url" in values and entry.provider not in (ANY_PROVIDER, *AT_SERVERS):
        raise SettingError(
            f"base_url of model {name!r} ({origin}) has no effect: {entry.provider} asks no server", "leave it out"
        )
    check_options(values.get("options", {}), entry.provider, f"model {name!r} ({origin})")
    return _as_static(entry) if entry.provider == STATIC else entry


def _as_static(entry: ModelEntry) -> ModelEntry:
    """Return the entry without what is noted for a transformer of its name."""
    return replace(entry, query_prompt="", document_prompt="", centred=False, truncation=None)


def _known_of(values: Mapping[str, Any], known: Mapping[str, ModelEntry]) -> ModelEntry | None:
    """Return what is known of the source that a table names."""
    provider = values.get("provider", ANY_PROVIDER)
    found = facts_of(values.get("source", ""), known.values(), provider)
    return _elsewhere(found, provider) if found else None


def _check_value(name: str, key: str, value: object, origin: str) -> None:
    fits, wanted = _KINDS[key]
    if not fits(value):
        shown = key if key == "base_url" else f"{key} = {value!r}"  # an address may hold a password
        raise SettingError(f"{shown} of model {name!r} ({origin}) is not {wanted}", "mend the value")


def _checked(entry: ModelEntry, origin: str) -> ModelEntry:
    """Raise `SettingError` where values do not go together."""
    least, most = entry.matryoshka or (1, entry.dimensions)
    beyond = entry.dimensions is not None and most is not None and most > entry.dimensions
    if beyond:
        raise SettingError(
            f"matryoshka of model {entry.name!r} ({origin}) goes beyond its {entry.dimensions} dimensions",
            "mend the value",
        )
    kept = entry.truncation
    if kept is not None and (kept < least or (most is not None and kept > most)):
        raise SettingError(
            f"model {entry.name!r} ({origin}) cannot be truncated to {kept} dimensions",
            f"it can be to {least} up to {most}",
        )
    return entry


def resolve(reference: str, entries: Mapping[str, ModelEntry]) -> ModelEntry:
    """Return the entry of a name of the catalogue, or of `provider:source`, with all that is known of the model.

    Raises `UnknownModelError` for a name that is neither, `SettingError` for a model with a slip in its table.
    """
    named = entries.get(reference) or _also_called(reference, entries.values())
    if named is not None and sound(named).provider:
        return named
    provider, _, source = reference.partition(":")
    if provider in PROVIDERS and source:
        known = _elsewhere(sound(facts_of(source, entries.values(), provider) or ModelEntry(reference)), provider)
        origins = {**known.origins, "provider": FROM_NAME, "source": FROM_NAME}
        return replace(known, name=reference, provider=provider, source=source, origins=origins)
    if named is not None:
        raise UnknownModelError(
            f"{reference} runs at a provider, and none is named",
            f"say which, as `ollama:{named.name}` or `openai:{named.name}`",
        )
    names = [name for entry in entries.values() for name in (entry.name, *entry.aliases)]
    near = ", ".join(get_close_matches(reference.lower(), names, n=3, cutoff=LIKE))
    raise UnknownModelError(
        f"unknown model {reference!r}",
        f"{f'near it: {near}; ' if near else ''}`instar model list` shows what is known, and"
        f" {', '.join(f'{p}:…' for p in PROVIDERS)} name a provider",
    )


def _also_called(name: str, entries: Iterable[ModelEntry]) -> ModelEntry | None:
    return next((entry for entry in entries if name.lower() in entry.aliases), None)


def _elsewhere(known: ModelEntry, provider: str) -> ModelEntry:
    """Return facts without what belongs only to the files, the names and the provider they were noted for."""
    moved = replace(known, aliases=(), package="", weights_bytes=0)
    if provider == STATIC:
        moved = _as_static(moved)
    return moved if known.provider == provider else replace(moved, base_url="", options={})


def facts_of(source: str, entries: Iterable[ModelEntry], provider: str = ANY_PROVIDER) -> ModelEntry | None:
    """Return what is known of a model by its name anywhere; a tag, or what follows it, falls back to the family.

    `qwen3-embedding:4b-q8_0` is `qwen3-embedding:4b`, `library/bge-m3:latest` is `bge-m3`. Where an entry is named
    with the provider in front, as `ollama:nomic-embed-text`, it is what is known of the model there.
    """
    by_name = {alias.lower(): entry for entry in entries for alias in (entry.name, *entry.aliases)}
    whole = source.lower().removesuffix(":latest")
    names = (name for form in (whole, whole.rpartition("/")[2]) for name in _shortened(form))
    forms = (form for name in names for form in (f"{provider}:{name}", name))
    return next((by_name[form] for form in forms if form in by_name), None)


def _shortened(name: str) -> Iterator[str]:
    """Yield a name, and what remains of it without its last parts."""
    while name:
        yield name
        name = name[: max(name.rfind(":"), name.rfind("-"), 0)]
