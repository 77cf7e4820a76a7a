"""Download the pinned packages of the allow-list and unpack their source files as <out>/<registry>/<name>/.

pip, npm, apt-get and dpkg must be there; `debian-source` entries need a deb-src line for Debian 12. Nothing is
installed. A package whose stated licence is not permissive is refused, and so is each file that a Debian copyright
file puts under such a licence.
"""

import argparse
import fnmatch
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from extract import LANGUAGES

LARGEST = 1_000_000  # bytes; larger source files are generated
RESTRICTED = re.compile(r"GPL|MPL|EPL|CDDL|SSPL|BUSL|Artistic|EUPL|OSL|GFDL", re.IGNORECASE)
MEMBERS = {"rust-src": ("library/std/", "library/core/", "library/alloc/")}  # the rest of that package is vendored


def wanted(path: str) -> bool:
    """Whether a file of an archive is source text in a known language, and stays inside the target folder."""
    parts = PurePosixPath(path)
    return parts.suffix in LANGUAGES and not parts.is_absolute() and ".." not in parts.parts and ".min." not in path


def write(folder: Path, name: str, data: bytes) -> None:
    """Write one source file."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def run(*command: str, cwd: Path) -> None:
    """Run a package client."""
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def tar_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the small regular files of a tar archive, without its top folder."""
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if member.isfile() and member.size <= LARGEST:
                yield name.partition("/")[2] or name, archive.extractfile(member).read()


def pypi(package: dict, cache: Path, out: Path) -> None:
    """Take the Python files of a wheel."""
    pin = f"{package['name']}=={package['version']}"
    run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", pin, cwd=cache)
    with zipfile.ZipFile(next(cache.glob("*.whl"))) as wheel:
        for info in wheel.infolist():
            if wanted(info.filename) and info.file_size <= LARGEST:
                write(out, info.filename, wheel.read(info))


def npm(package: dict, cache: Path, out: Path) -> None:
    """Take the source files of an npm package."""
    run("npm", "pack", "--silent", f"{package['name']}@{package['version']}", cwd=cache)
    for name, data in tar_files(next(cache.glob("*.tgz"))):
        if wanted(name):
            write(out, name, data)


def debian_source(package: dict, cache: Path, out: Path) -> None:
    """Take the upstream files of a Debian source package."""
    pin = f"{package['name']}={package['version']}"
    run("apt-get", "-qq", "source", "--download-only", pin, cwd=cache)
    archives = sorted(p for p in cache.iterdir() if ".tar." in p.name and p.suffix != ".asc")
    packaging = next(p for p in archives if ".debian.tar." in p.name)
    files = dict(tar_files(packaging))
    allowed = permitted(files["copyright"].decode("utf-8", errors="replace"))
    for archive in archives:
        component = re.search(r"\.orig-([\w-]+)\.tar", archive.name)
        prefix = component[1] + "/" if component else ""
        for name, data in tar_files(archive) if archive != packaging else ():
            if wanted(name) and allowed(prefix + name):
                write(out, prefix + name, data)


def debian(package: dict, cache: Path, out: Path) -> None:
    """Take the source files that a Debian binary package installs."""
    run("apt-get", "-qq", "download", f"{package['name']}={package['version']}", cwd=cache)
    run("dpkg", "-x", next(cache.glob("*.deb")).name, "tree", cwd=cache)
    tree = cache / "tree"
    text = next(tree.glob("usr/share/doc/*/copyright")).read_text("utf-8", errors="replace")
    only = MEMBERS.get(package["name"])
    if only is None and any(RESTRICTED.search(licence) for _, licence in paragraphs(text)):
        raise SystemExit(f"{package['name']}: its copyright file names a licence that is not permissive")
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if path.is_file() and not path.is_symlink() and wanted(name) and (not only or any(o in name for o in only)):
            write(out, name, path.read_bytes())


def paragraphs(copyright_text: str) -> Iterator[tuple[list[str], str]]:
    """Yield the file patterns and the licence of each upstream paragraph (Debian copyright format 1.0)."""
    for paragraph in re.split(r"\n\s*\n", copyright_text):
        files = re.search(r"^Files:\s*((?:.|\n(?=[ \t]))*)", paragraph, re.MULTILINE)
        licence = re.search(r"^License:[ \t]*(.*)", paragraph, re.MULTILINE)
        if files and licence and not all(p.startswith("debian") for p in files[1].split()):
            yield files[1].split(), licence[1].strip()


def permitted(copyright_text: str) -> Callable[[str], bool]:
    """Return a test of whether the last paragraph that matches a path names a permissive licence."""
    rules = [
        ([re.compile(fnmatch.translate(p)) for p in patterns], licence)
        for patterns, licence in paragraphs(copyright_text)
    ]

    def allowed(path: str) -> bool:
        licences = [licence for patterns, licence in rules if any(p.match(path) for p in patterns)]
        return bool(licences) and not RESTRICTED.search(licences[-1])

    return allowed


REGISTRIES = {"pypi": pypi, "npm": npm, "debian-source": debian_source, "debian": debian}


def main() -> None:
    """Fetch what is not there yet; a package is complete once its folder exists."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--packages", type=Path, default=Path(__file__).with_name("packages.toml"))
    options = parser.parse_args()
    for package in tomllib.loads(options.packages.read_text("utf-8"))["package"]:
        if RESTRICTED.search(package["licence"]):
            raise SystemExit(f"{package['name']}: {package['licence']} is not permissive")
        folder = package["name"].replace("/", "+")
        out = options.out / package["registry"] / folder
        if out.exists():
            continue
        cache = options.out / ".downloads" / package["registry"] / folder
        cache.mkdir(parents=True, exist_ok=True)
        part = out.with_name(folder + ".part")
        REGISTRIES[package["registry"]](package, cache.resolve(), part)
        part.rename(out)
        print(package["registry"], package["name"], package["version"], flush=True)


if __name__ == "__main__":
    main()
