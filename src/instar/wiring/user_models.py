"""The user's own `models.toml`: a table written or removed, nothing else touched."""

import os
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path

from instar.domain.catalogue import AT_SERVERS, ModelEntry, facts_of, is_hub_file, read_entries, sound
from instar.domain.tables import Scalar, with_table
from instar.errors import SettingError, UsageError
from instar.wiring.models import built_in_entries, whole_path

PYTHON = "python"
"""The option that names another environment."""

Values = Mapping[str, Scalar | Mapping[str, Scalar]]


def add_model(path: Path, name: str, values: Values) -> ModelEntry:
    """Write the table `name` into the user's file, in place of one of this name, and return what it now stands for.

    Raises `SettingError` for values of no use and for a name of the catalogue that would stand for another model.
    """
    _check_name(name)
    built_in = built_in_entries()
    values = _with_whole_paths(values)
    # What is wrong does not stand in the file.
    sound(read_entries({name: dict(values)}, "the command line", built_in)[name])
    entry = read_entries({name: dict(values)}, str(path), built_in)[name]
    known = built_in.get(name)
    if known is not None and not _same_model(known, values, built_in):
        raise SettingError(
            f"{name} is a model of the catalogue, and {values.get('source')!r} is not known to be that model",
            "choose another name",
        )
    if not entry.provider or not (entry.source or entry.package or known):
        raise SettingError(f"where {name} runs is not said", "give --provider and --source")
    _check_source(entry)
    _check_python(values.get("options"))
    text = _content(path)
    _tables(path, text)
    _replace(path, with_table(text, name, values))
    return entry


def remove_model(path: Path, name: str) -> None:
    """Remove the table `name` from the user's file. Raises `UsageError` where there is none."""
    text = _content(path)
    if name not in _tables(path, text):
        raise UsageError(f"{path} has no model {name!r}", "`instar model list` shows all models")
    _replace(path, with_table(text, name, None))


def _check_name(name: str) -> None:
    """Raise `SettingError` for a name that could not be seen, typed or found again in the file."""
    if not name.strip() or not name.isprintable():
        raise SettingError(
            f"{name!r} cannot be the name of a model",
            "a name is one line of visible characters, as `work` or `my-model:2`",
        )


def _with_whole_paths(values: Values) -> Values:
    """Return the values with what they name of this machine as it is found from every folder."""
    whole = dict(values)
    if "provider" in values and "source" in values:
        whole["source"] = whole_path(str(values["provider"]), str(values["source"]))
    options = values.get("options")
    if isinstance(options, Mapping) and os.sep in str(options.get(PYTHON, "")):  # another one is looked for on the PATH
        path = os.path.expanduser(str(options[PYTHON]))  # noqa: PTH111 - raises nothing for a user who is none
        whole["options"] = {**options, PYTHON: os.path.abspath(path)}  # noqa: PTH100 - an environment's is a link
    return whole


def _check_python(options: object) -> None:
    """Raise `SettingError` where the Python of another environment is named, and cannot be run."""
    if isinstance(options, Mapping) and PYTHON in options and shutil.which(options[PYTHON]) is None:
        raise SettingError(
            f"there is no Python {options[PYTHON]} that can be run",
            "give that of an environment with Instar and the model's library, as --option python=…/bin/python",
        )


def _check_source(entry: ModelEntry) -> None:
    """Raise `SettingError` where the source can only be a folder or file of this machine, and is not there."""
    path = Path(os.path.expanduser(entry.source))  # noqa: PTH111 - raises nothing for a user who is none
    at_hub = {"st": not path.is_absolute(), "gguf": is_hub_file(str(path))}
    if entry.provider in AT_SERVERS or not entry.source or path.exists() or at_hub.get(entry.provider):
        return
    kind = "file" if entry.provider == "gguf" else "folder"
    raise SettingError(f"there is no {kind} {entry.source}", f"give the {kind} of the model as --source")


def _same_model(known: ModelEntry, values: Values, built_in: Mapping[str, ModelEntry]) -> bool:
    """Whether a table goes on standing for the model of its name: told by its source, or as it names no other."""
    source, provider = str(values.get("source", "")), str(values.get("provider", known.provider))
    if not source:
        return provider == known.provider
    found = facts_of(source, built_in.values(), provider)
    return found is not None and found.name == known.name


def _content(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (UnicodeDecodeError, OSError) as error:
        raise SettingError(f"{path} cannot be read ({error})", "mend or remove the file") from error


def _tables(path: Path, text: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path} is not valid TOML ({error})", "mend or remove the file") from error


def _replace(path: Path, text: str) -> None:
    """Write the file in one step. Where it is a link, what it leads to is written."""
    target = path.resolve()
    draft = target.with_suffix(".new")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        raise SettingError(f"{path} cannot be written ({error})", "mend the permissions of its folder") from error
