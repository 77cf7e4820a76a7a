"""The folder of a distilled model is there whole or not at all, and nobody else's files are touched."""

from pathlib import Path

import pytest

from instar.domain.models import VocabularyKind
from instar.errors import UsageError
from instar.ports import Progress, SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace
from instar.wiring.distilling import distil


def distil_into(folder: Path, progress: Progress) -> None:
    workspace = Workspace(Settings(data=folder.parent / "data"))
    distil(workspace, "static", 16, VocabularyKind.STATIC, folder, progress)


def test_what_others_put_there_in_the_meantime_is_left_as_it_is(tmp_path: Path) -> None:
    output = tmp_path / "mine"

    class Meanwhile(SilentProgress):
        def step(self, phase: str, done: int, total: int | None) -> None:
            (output / "theirs").mkdir(parents=True, exist_ok=True)
            (output / "model.json").write_text("keep")

    with pytest.raises(UsageError, match="mine cannot be written"):
        distil_into(output, Meanwhile())
    assert (output / "model.json").read_text() == "keep"
    assert {path.name for path in output.iterdir()} == {"model.json", "theirs"}
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["mine", "new/mine"])
def test_an_empty_folder_is_filled_and_others_may_read_it(tmp_path: Path, name: str) -> None:
    for folder in ("mine", "usual"):
        (tmp_path / folder).mkdir()
    distil_into(tmp_path / name, SilentProgress())
    assert "model.json" in {path.name for path in (tmp_path / name).iterdir()}
    assert (tmp_path / name).stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert not list(tmp_path.rglob(".instar-*"))


def test_links_in_a_circle_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "mine").symlink_to(tmp_path / "mine")
    with pytest.raises(UsageError, match="links in a circle"):
        distil_into(tmp_path / "mine", SilentProgress())
