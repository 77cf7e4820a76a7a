"""From the name of a model to the model: the catalogue, the user's additions, the adapter of its provider."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from instar.domain.catalogue import ModelEntry, read_entries, resolve
from instar.domain.models import ModelSpec
from instar.embedding.encoding import EncodedModel
from instar.errors import ModelMissingError, SettingError
from instar.ports import Embedder, Encoder

CATALOGUE = "models.toml"
FIRST = "static"
"""The model that answers within seconds, while a slower one is not ready."""


class Models:
    """All models that can be named; each is opened once."""

    def __init__(self, user_folder: Path) -> None:
        self.user_file = user_folder / CATALOGUE
        self._open: dict[ModelEntry, Embedder] = {}

    @cached_property
    def entries(self) -> Mapping[str, ModelEntry]:
        """The catalogue and what the user added or changed. Raises `SettingError` for a file that cannot be read."""
        built_in = tomllib.loads((files("instar") / "resources" / CATALOGUE).read_text("utf-8"))
        return {**read_entries(built_in, "the catalogue"), **self._of_user()}

    def _of_user(self) -> Mapping[str, ModelEntry]:
        try:
            return read_entries(tomllib.loads(self.user_file.read_text("utf-8")), str(self.user_file))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise SettingError(f"{self.user_file} cannot be read ({error})", "mend or remove the file") from error

    def named(self, reference: str) -> Embedder:
        """Return the model of a name. Raises `SettingError` for an unknown one, `ModelError` where it cannot be had."""
        return self._opened(resolve(reference, self.entries))

    def of(self, spec: ModelSpec) -> Embedder:
        """Return the model that made vectors, as it was asked for documents then, as it is asked for questions now."""
        entry = resolve(spec.reference or spec.provider, self.entries)
        return self._opened(replace(entry, document_prompt=spec.document_prompt, truncation=spec.truncation))

    def encoder(self, entry: ModelEntry) -> Encoder:
        """Return the encoder of an entry. Raises `ModelError` where it cannot be had."""
        if entry.package:
            entry = replace(entry, source=str(_folder_of(entry)))
        return ENCODERS[entry.provider](entry)

    def _opened(self, entry: ModelEntry) -> Embedder:
        if entry not in self._open:
            self._open[entry] = self._make(entry)
        return self._open[entry]

    def _make(self, entry: ModelEntry) -> Embedder:
        if entry.provider == "static":
            from instar.adapters.embedders.static import StaticEmbedder, builtin_folder

            return StaticEmbedder(Path(entry.source) if entry.source else builtin_folder(), entry.name)
        return EncodedModel(self.encoder(entry), entry)


def _folder_of(entry: ModelEntry) -> Path:
    found = find_spec(entry.package)
    if found is None or found.origin is None:
        raise ModelMissingError(
            f"the model {entry.name} is a package of its own, {entry.package}, which is not installed",
            "in a clone of Instar: pip install ./models/minilm",
        )
    return Path(found.origin).parent


ENCODERS: dict[str, Callable[[ModelEntry], Encoder]] = {}
"""The adapters by provider; each loads its library only when it is called."""
