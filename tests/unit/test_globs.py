import pytest

from instar.domain.globs import glob_pattern
from instar.errors import UsageError


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("*.py", "src/a/b.py", True),
        ("*.py", "b.pyc", False),
        ("src/*.py", "src/b.py", True),
        ("src/*.py", "src/a/b.py", False),
        ("src/**/*.py", "src/b.py", True),
        ("src/**/*.py", "src/a/c/b.py", True),
        ("src", "src/a/b.py", True),
        ("src", "lib/src/b.py", True),
        ("/src", "lib/src/b.py", False),
        ("src/", "src/b.py", True),
        ("./b.py", "b.py", True),
        ("./b.py", "src/b.py", False),
        ("b?.py", "b1.py", True),
        ("b?.py", "b12.py", False),
        ("[ab].py", "a.py", True),
        ("[!ab].py", "a.py", False),
        ("a+b(c).py", "a+b(c).py", True),
        ("**/test_*", "tests/unit/test_x.py", True),
        ("a*b*c.py", "aXbXbc.py", True),
        ("a*b/c*d", "ab/b/cd", False),
        ("*a" * 40 + "b", "a" * 200, False),  # in less than years
    ],
)
def test_globs_are_those_of_gitignore(glob, path, fits):
    assert (glob_pattern(glob).fullmatch(path) is not None) is fits


@pytest.mark.parametrize("glob", ["", "  ", "/"])
def test_an_empty_glob_is_refused(glob):
    with pytest.raises(UsageError, match="empty"):
        glob_pattern(glob)


@pytest.mark.parametrize("glob", ["[z-a].py", "[!]"])
def test_a_malformed_glob_is_refused(glob):
    with pytest.raises(UsageError, match="cannot be read"):
        glob_pattern(glob)
