"""Every option with its default, and where each value came from.

Order, the last wins: the default; `instar.toml` in the user's configuration folder; `instar.toml` in the data folder;
the environment (`INSTAR_` and the option's name in capitals); the command line.
"""

import math
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import platformdirs

from instar.errors import SettingError

FILE_NAME = "instar.toml"
ENVIRONMENT = "environment"
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def variable(name: str) -> str:
    """Return the name of the environment variable of an option."""
    return f"INSTAR_{name.upper()}"


def _own_folder(find: Callable[[str], Path]) -> Path:
    """Return a folder of this user; raises `SettingError` for a user without a home."""
    try:
        return find("instar")
    except RuntimeError as error:
        raise SettingError("this user has no home folder", "set HOME") from error


def cache_folder() -> Path:
    """Return the folder of this user's caches; raises `SettingError` for a user without a home."""
    return _own_folder(platformdirs.user_cache_path)


def user_folder() -> Path:
    """Return the folder of this user's settings; raises `SettingError` for a user without a home."""
    return _own_folder(platformdirs.user_config_path)


@dataclass(frozen=True, slots=True)
class Settings:
    """The options; the metadata of each field says what it means, and the least value where that is not 0."""

    data: Path = field(
        default_factory=lambda: _own_folder(platformdirs.user_data_path),
        metadata={"help": "the data folder: one corpus with all its roots"},
    )
    model: str = field(default="static", metadata={"help": "the wanted embedding model"})
    storage: str = field(default="int8", metadata={"help": "how vectors are stored: int8, float16, float32 or binary"})
    limit: int = field(default=10, metadata={"help": "hits in an answer", "least": 1})
    lexical_weight: float = field(default=1.0, metadata={"help": "weight of the BM25 arm in the fusion"})
    vector_weight: float = field(default=1.0, metadata={"help": "weight of the vector arm in the fusion"})
    refresh_seconds: float = field(
        default=0.5,
        metadata={
            "help": "time a search may spend on reading what changed before it answers, waiting for others included"
        },
    )
    max_file_bytes: int = field(default=1_000_000, metadata={"help": "a larger file is skipped", "least": 1})
    session_thinking: bool = field(
        default=False, metadata={"help": "whether what an agent thought is indexed with its sessions"}
    )
    cache_megabytes: int = field(
        default=512, metadata={"help": "room for vectors of texts in the user's cache folder; 0: keep none"}
    )
    query_cache_seconds: float = field(
        default=3600.0, metadata={"help": "how long a question's vector is kept in memory; 0: not at all"}
    )
    model_idle_seconds: float = field(
        default=300.0, metadata={"help": "a model nobody asks for so long is unloaded; 0: never"}
    )
    model_memory_megabytes: int = field(
        default=0, metadata={"help": "an idle model is unloaded sooner while more memory is in use; 0: no limit"}
    )


@dataclass(frozen=True, slots=True)
class Configuration:
    """`settings`, and for each option the name of the place its value came from."""

    settings: Settings
    origins: Mapping[str, str]

    def place(self, name: str) -> str:
        """Return where the value of an option can be changed."""
        return variable(name) if self.origins[name] == ENVIRONMENT else self.origins[name]


def load(
    environment: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> Configuration:
    """Read all places in order; `overrides` are values given on the command line (None means not given).

    Raises `SettingError` for an unknown option, a value of the wrong type or a file that is not TOML.
    """
    state = Configuration(Settings(), {item.name: "default" for item in fields(Settings)})
    state = _from_file(state, (folder or user_folder()) / FILE_NAME)
    named = _from_environment(environment)
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    # The data folder is where one of the files lies, so it is settled before that file is read.
    state = _merge(state, {k: v for k, v in named.items() if k == "data"}, ENVIRONMENT)
    state = _merge(state, {k: v for k, v in given.items() if k == "data"}, "command line")
    state = _from_file(state, state.settings.data / FILE_NAME, allow_data=False)
    state = _merge(state, {k: v for k, v in named.items() if k != "data"}, ENVIRONMENT)
    return _merge(state, {k: v for k, v in given.items() if k != "data"}, "command line")


def _from_file(state: Configuration, path: Path, *, allow_data: bool = True) -> Configuration:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return state
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} is not valid TOML: {error}", "mend or remove the file") from error
    except OSError as error:
        if not allow_data and not os.access(path.parent, os.R_OK | os.X_OK):
            return state  # whoever uses the data folder says what is wrong with it
        raise SettingError(f"{path} cannot be read: {error.strerror}", "mend its permissions") from error
    if not allow_data and "data" in values:
        raise SettingError(f"{path} names a data folder", "remove `data` from the file inside the data folder")
    return _merge(state, values, str(path))


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    names = {variable(item.name): item.name for item in fields(Settings)}
    return {names[key]: value for key, value in environment.items() if key in names and value}


def _merge(state: Configuration, values: Mapping[str, Any], origin: str) -> Configuration:
    known = {item.name for item in fields(Settings)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise SettingError(f"unknown setting {unknown[0]!r} ({origin})", f"the settings are {', '.join(sorted(known))}")
    typed: dict[str, Any] = {name: _typed(name, value, origin) for name, value in values.items()}
    return Configuration(replace(state.settings, **typed), {**state.origins, **dict.fromkeys(typed, origin)})


def _typed(name: str, value: object, origin: str) -> object:
    """Return the value in the type of the option's default; TOML gives numbers, the environment only strings."""
    default = getattr(Settings(), name)
    least = next(item for item in fields(Settings) if item.name == name).metadata.get("least", 0)
    text = str(value)
    try:
        if isinstance(default, bool):
            return _FLAGS[text.lower()]
        if isinstance(default, Path):
            return Path(text).expanduser().absolute()
        if isinstance(default, int | float) and not isinstance(value, bool):
            number = type(default)(text)
            if least <= number < math.inf:
                return number
        elif isinstance(default, str) and isinstance(value, str):
            return value
    except (KeyError, ValueError, RuntimeError):  # the last for the home of a user who is not known
        pass
    if isinstance(default, bool):
        raise SettingError(f"setting {name} = {value!r} ({origin}) is neither true nor false", "mend the value")
    wanted = f"a number of at least {least}" if isinstance(default, int | float) else "a text"
    raise SettingError(f"setting {name} = {value!r} ({origin}) is not {wanted}", "mend the value")
