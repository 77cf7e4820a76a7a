"""What is passed over without any ignore file: folders and files that hold nobody's own text."""

from collections.abc import Container

from instar.domain.sources import GENERATED, LOCK_FILE, MINIFIED

# What version control keeps for itself; `.git` is a file in worktrees and submodules.
VCS_NAMES = frozenset({".git", ".hg", ".svn", ".jj", ".bzr", "CVS", "_darcs"})

# Copies of other people's packages and caches of tools; each name is used for nothing else.
_DEPENDENCY_FOLDERS = frozenset(
    {
        "node_modules",
        "bower_components",
        "jspm_packages",
        ".pnpm-store",
        ".yarn",
        "__pycache__",
        "__pypackages__",
        "site-packages",
        ".venv",
        ".tox",
        ".nox",
        ".eggs",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".gradle",
        ".terraform",
        ".next",
        ".nuxt",
        ".svelte-kit",
        ".parcel-cache",
        ".turbo",
        ".bundle",
        ".dart_tool",
        ".direnv",
    }
)
# Names that are also ordinary words; the folder counts only with a file of the tool that fills it beside
_FILLED_BY_NEIGHBOUR = {
    "target": ("Cargo.toml", "pom.xml", "build.sbt"),
    "Pods": ("Podfile",),
    "vendor": ("composer.json", "Gemfile", "go.mod"),
    "_build": ("mix.exs", "dune-project"),
    "deps": ("mix.exs",),
    "elm-stuff": ("elm.json",),
    ".build": ("Package.swift",),
}
# Or inside it, whatever its name: a virtual environment, and a folder tagged as a cache.
_MARKS_INSIDE = ("pyvenv.cfg", "CACHEDIR.TAG")

# Written by package managers, to be read by them.
_LOCK_FILES = frozenset(
    {
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "bun.lock",
        "bun.lockb",
        "deno.lock",
        "Cargo.lock",
        "poetry.lock",
        "uv.lock",
        "pdm.lock",
        "pixi.lock",
        "Pipfile.lock",
        "composer.lock",
        "Gemfile.lock",
        "Podfile.lock",
        "Package.resolved",
        "pubspec.lock",
        "mix.lock",
        "go.sum",
        "go.work.sum",
        "flake.lock",
        "packages.lock.json",
        "gradle.lockfile",
        ".terraform.lock.hcl",
    }
)
_MINIFIED_SUFFIXES = (".min.js", ".min.css", ".min.mjs", ".min.cjs")
_SOURCE_MAP_SUFFIXES = (".js.map", ".css.map", ".mjs.map", ".cjs.map")


def is_dependency_folder(name: str, neighbours: Container[str]) -> bool:
    """Whether a folder of this name, beside `neighbours`, holds packages or build products."""
    if name in _DEPENDENCY_FOLDERS:
        return True
    return any(tool in neighbours for tool in _FILLED_BY_NEIGHBOUR.get(name, ()))


def is_marked_inside(names: Container[str]) -> bool:
    """Whether a folder with these entries says of itself that it is an environment or a cache."""
    return any(mark in names for mark in _MARKS_INSIDE)


def reason_by_name(name: str) -> str:
    """Return why a file of this name is passed over without being read, "" if it is not."""
    if name in _LOCK_FILES:
        return LOCK_FILE
    if name.endswith(_MINIFIED_SUFFIXES):
        return MINIFIED
    return GENERATED if name.endswith(_SOURCE_MAP_SUFFIXES) else ""
