import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from instar.installing import pip_install, pip_install_beside


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put an installation before the one there is, with what pip notes of its origin."""

    def note(content: str | None) -> None:
        folder = tmp_path / "site" / "instar-9.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: instar\nVersion: 9\n")
        if content is not None:
            (folder / "direct_url.json").write_text(content)
        monkeypatch.syspath_prepend(folder.parent)
        assert distribution("instar").version == "9"

    return note


@pytest.mark.parametrize("kind", ["{}", '{"editable": true}'])
def test_what_came_from_a_folder_is_installed_from_there(noted, tmp_path, kind):
    clone = tmp_path / "my clone"
    clone.mkdir()
    noted(f'{{"url": "{clone.as_uri()}", "dir_info": {kind}}}')
    assert pip_install("st") == f"{sys.executable} -m pip install '{clone}[st]'"
    assert pip_install(python="/other/python") == f"/other/python -m pip install '{clone}'"
    assert pip_install_beside("models/minilm") == f"{sys.executable} -m pip install '{clone}/models/minilm'"


@pytest.mark.parametrize(
    "content",
    [None, '{"url": "file:///nowhere/clone", "dir_info": {}}', '{"url": "file:///instar.whl", "archive_info": {}}'],
)
def test_elsewhere_only_the_name_is_known(noted, content):
    noted(content)
    assert pip_install("st") == f"{sys.executable} -m pip install 'instar[st]'"
    assert pip_install() == f"{sys.executable} -m pip install instar"
    assert pip_install_beside("models/minilm") == "in a clone of Instar: pip install ./models/minilm"
