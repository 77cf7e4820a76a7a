"""`instar model list`, `show`, `check` and `add`."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import typer

from instar.domain.catalogue import FROM_NAME, ModelEntry, sound, without_password
from instar.domain.checks import Check
from instar.domain.models import ModelSpec, document_fingerprint
from instar.entrypoints.cli.opening import open_workspace
from instar.entrypoints.cli.terminal import printable
from instar.errors import ModelError, SettingError, UsageError
from instar.wiring import Workspace
from instar.wiring.checking import check_model
from instar.wiring.user_models import add_model, remove_model

NOT_FACTS = ("name", "aliases", "origins", "problem")
RUNNING = ("dimensions", "context_tokens", "pooling")
"""What both the catalogue and the running model say; the model wins."""
OF_MODEL = "the running model"
SET_FOR_MODELS = {
    "provider": "where the model runs",
    "source": "its name there, its folder or file",
    "base_url": "where its server is",
    "query_prompt": "what is put before a question",
    "document_prompt": "what is put before a document",
    "truncation": "the dimensions that are kept",
    "options": "handed to the provider",
}


def list_models(*, as_json: bool, data: Path | None) -> None:
    """Print all models that can be named, and which one is wanted and which answers."""
    workspace = open_workspace(data)
    rows = _rows(workspace)
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        marks = [mark for mark in ("wanted", "active") if row[mark]]
        facts = [
            row["name"],
            row["provider"] or "any",
            f"{row['dimensions'] or ''}",
            f"{row['context_tokens'] or ''}",
            row["licence"],
            ", ".join([row["here"], *marks] if row["here"] else marks),
        ]
        typer.echo(printable("{:31} {:8} {:>5} {:>6}  {:12} {}".format(*facts)).rstrip())
    typer.echo("columns: name, provider, dimensions, tokens, licence, where; `any`: name it as provider:name")


def _rows(workspace: Workspace) -> list[dict[str, Any]]:
    entries = dict(workspace.models.entries)
    wanted, active = workspace.settings.model, _active(workspace)
    with suppress(SettingError):  # whoever wants what nobody knows looks here for what there is
        wanted = wanted if wanted in entries else workspace.models.resolved(wanted).name
        for reference in filter(None, (wanted, active)):
            if reference not in entries:
                entries[reference] = workspace.models.resolved(reference)
    return [
        {
            "name": name,
            "provider": entry.provider,
            "dimensions": entry.dimensions,
            "context_tokens": entry.context_tokens,
            "licence": entry.licence,
            "here": workspace.models.here(entry),
            "wanted": name == wanted,
            "active": name == active,
        }
        for name, entry in entries.items()
    ]


def _active(workspace: Workspace) -> str:
    """Return the name of the model whose generation answers, "" where there is none."""
    if not workspace.has_corpus():
        return ""
    with workspace.store.snapshot() as snapshot:
        generation = snapshot.active_generation()
    return (generation.model.reference or generation.model.provider) if generation else ""


def show(name: str, *, as_json: bool, data: Path | None) -> None:
    """Print what is known of a model, and which place says so."""
    workspace = open_workspace(data)
    entries = workspace.models.entries
    entry = sound(entries[name]) if name in entries else workspace.models.resolved(name)
    spec, why = _running(workspace, entry)
    facts = _facts(entry, spec)
    if spec and not any(fact["origin"] == OF_MODEL for fact in facts):
        why = f"all of it is known before; `instar model check {name}` asks it"
    if spec:
        fingerprint = document_fingerprint(spec, workspace.storage)
        facts.append({"name": "fingerprint", "value": fingerprint, "origin": f"stored as {workspace.storage}"})
    if as_json:
        typer.echo(json.dumps({"name": name, "aliases": entry.aliases, "facts": facts, "not_running": why}))
        return
    for fact in facts:
        said = f"; {fact['overridden']}" if "overridden" in fact else ""
        value = fact["value"] if not isinstance(fact["value"], str) else printable(repr(fact["value"]))
        typer.echo(f"{fact['name']} = {value}   ({printable(fact['origin'])}{printable(said)})")
    if entry.aliases:
        typer.echo(f"also known as {', '.join(entry.aliases)}")
    if why:
        typer.echo(f"not asked: {printable(why)}")


def _running(workspace: Workspace, entry: ModelEntry) -> tuple[ModelSpec | None, str]:
    """Return what the model says of itself, or why it was not asked."""
    if not entry.provider:
        return None, f"name a provider to run it, as `ollama:{entry.name}`"
    try:
        return workspace.models.bare(entry).spec, ""
    except ModelError as error:
        return None, str(error)


def _facts(entry: ModelEntry, spec: ModelSpec | None) -> list[dict[str, Any]]:
    """Return what is known, with its origin: the running model only where it says more than was said before."""
    rows = entry_rows(entry)
    if spec is None:
        return rows
    by_name = {row["name"]: row for row in rows}
    for key in RUNNING:
        said = by_name.get(key)
        value = getattr(spec, key)
        if not value or (said and said["value"] == value):
            continue  # what was said before may be all the model has to say, as at a server that tells nothing
        by_name[key] = {"name": key, "value": value, "origin": OF_MODEL}
        if said:
            by_name[key]["overridden"] = f"{said['origin']} says {said['value']}"
    named = entry.source or entry.name
    for key in ("name", "revision", "precision", "runtime"):
        value = getattr(spec, key)
        if value:
            origin = entry.origins.get("source", FROM_NAME) if value == named else OF_MODEL
            by_name[key] = {"name": key, "value": value, "origin": origin}
    return list(by_name.values())


def entry_rows(entry: ModelEntry) -> list[dict[str, Any]]:
    """Return the values an entry sets, each with its origin; options apart, an address without its password."""
    bare = ModelEntry(entry.name)
    rows = []
    for item in fields(ModelEntry):
        value = getattr(entry, item.name)
        if item.name == "base_url":
            value = without_password(value)
        if item.name not in NOT_FACTS and value != getattr(bare, item.name):
            origin = entry.origins.get(item.name, "default")
            options = {f"options.{key}": part for key, part in value.items()} if item.name == "options" else {}
            rows += [{"name": key, "value": v, "origin": origin} for key, v in (options or {item.name: value}).items()]
    return rows


def model_settings(workspace: Workspace) -> list[dict[str, Any]]:
    """Return what is set for the wanted model, each with its origin; nothing for a name nobody knows."""
    try:
        rows = entry_rows(workspace.models.resolved(workspace.settings.model))
    except SettingError:  # a search says it, with the names to choose from
        return []
    return [
        row | {"name": f"model.{row['name']}", "help": help_text}
        for row in rows
        if (help_text := SET_FOR_MODELS.get(row["name"].partition(".")[0]))
    ]


def check(name: str, base_url: str | None, *, as_json: bool, data: Path | None) -> None:
    """Print each check with its figures, and fail where one has a finding; nothing is changed."""
    done: list[Check] = []
    for found in check_model(open_workspace(data), name, base_url):
        done.append(found)
        if not as_json:
            _print(found)
    sound = not any(found.finding for found in done)
    if as_json:
        checks = [
            {"name": item.name, "figures": dict(item.figures), "finding": item.finding, "remedy": item.remedy}
            for item in done
        ]
        typer.echo(json.dumps({"model": name, "sound": sound, "checks": checks}))
    elif sound:
        typer.echo("sound")
    if not sound:
        raise typer.Exit(ModelError.exit_code)


def _print(found: Check) -> None:
    figures = ", ".join(_figure(key, value, found.name) for key, value in found.figures.items())
    typer.echo(printable(f"{'!' if found.finding else ' '} {found.name:13} {figures}".rstrip()))
    if found.note:
        typer.echo(printable(f"  note:    {found.note}"))
    if found.finding:
        typer.echo(printable(f"  finding: {found.finding}"))
        typer.echo(printable(f"  remedy:  {found.remedy}"))


def _figure(key: str, value: str | float, check_name: str) -> str:
    """Return a figure with what it is, which the check's own name may have said."""
    label = "" if key == check_name else key.removesuffix("_bytes").replace("_", " ") + " "
    if isinstance(value, str):
        return label + value
    return label + (f"{value / 1e6:,.1f} MB" if key.endswith("_bytes") else f"{value:,}")


@dataclass(frozen=True, slots=True)
class Addition:
    """What a user says of a model; None and nothing where it is not said."""

    name: str
    provider: str | None
    source: str | None
    base_url: str | None
    query_prompt: str | None
    document_prompt: str | None
    truncation: int | None
    options: Sequence[str]


def add(wanted: Addition, *, as_json: bool, data: Path | None) -> None:
    """Write a table into the user's file."""
    path = open_workspace(data).models.user_file
    keys = ("provider", "source", "base_url", "query_prompt", "document_prompt", "truncation")
    values: dict[str, Any] = {key: getattr(wanted, key) for key in keys if getattr(wanted, key) is not None}
    if wanted.options:
        values["options"] = dict(map(_option, wanted.options))
    if not values:
        raise UsageError("nothing is said of the model", "give --provider and --source, or what is to be overridden")
    entry = add_model(path, wanted.name, values)
    if as_json:
        rows = entry_rows(entry)
        typer.echo(json.dumps({"name": entry.name, "file": str(path), "facts": rows}))
        return
    typer.echo(f"written: {printable(entry.name)} in {printable(str(path))}; check it: instar model check {entry.name}")


def _option(text: str) -> tuple[str, str | int | float | bool]:
    """Return key and value of `key=value`, the value as a number or a truth value where it reads as one."""
    key, sign, value = text.partition("=")
    if not key or not sign:
        raise SettingError(f"option {text!r} is no key=value", "write it as `--option num_ctx=8192`")
    if not value:
        raise SettingError(f"option {key!r} is empty", "write it as `--option num_ctx=8192`, or leave it out")
    if value in ("true", "false"):
        return key, value == "true"
    for kind in (int, float):
        try:
            return key, kind(value)
        except ValueError:
            continue
    return key, value


def remove(name: str, *, as_json: bool, data: Path | None) -> None:
    """Remove a table from the user's file."""
    path = open_workspace(data).models.user_file
    remove_model(path, name)
    typer.echo(json.dumps({"removed": name}) if as_json else f"removed: {printable(name)} from {printable(str(path))}")
