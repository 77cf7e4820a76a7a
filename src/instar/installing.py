"""How what is missing is installed: by pip, into the environment this runs in, from where Instar itself came from."""

import json
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit


def folder() -> Path | None:
    """Return the folder Instar was installed from, as pip noted it (PEP 610); None where it was none, or is gone."""
    try:
        noted = distribution("instar").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    facts = json.loads(noted or "{}")
    path = Path(unquote(urlsplit(facts.get("url", "")).path))
    return path if "dir_info" in facts and path.is_dir() else None


def pip_install(extra: str = "", python: str = sys.executable) -> str:
    """Return the command that installs Instar, with an extra of it, into the environment of a Python."""
    what = str(folder() or "instar")
    return _command(python, f"{what}[{extra}]" if extra else what)


def pip_install_beside(package: str) -> str:
    """Return the command that installs a package which is a folder of the repository, here."""
    source = folder()
    return (
        _command(sys.executable, str(source / package)) if source else f"in a clone of Instar: pip install ./{package}"
    )


def _command(python: str, what: str) -> str:
    return f"{shlex.quote(python)} -m pip install {shlex.quote(what)}"
