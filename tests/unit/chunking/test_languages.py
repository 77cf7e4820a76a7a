import pytest

from instar.chunking import detect_language, source_of


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        ("src/a.py", "", "python"),
        ("a/b.test.tsx", "", "tsx"),
        ("A.CPP", "", "cpp"),
        ("x.h", "", "c"),
        ("Makefile", "", "make"),
        ("src/Dockerfile.dev", "", "dockerfile"),
        ("CMakeLists.txt", "", "cmake"),
        ("notes.txt", "", "text"),
        ("README", "", "text"),
        ("README.md", "", "markdown"),
        ("doc/index.rst", "", "rst"),
        (".bashrc", "", "bash"),
        ("go.mod", "", "gomod"),
        ("bin/tool", "#!/usr/bin/env -S FOO=1 python3.11 -u\n", "python"),
        ("bin/tool", "#! /bin/sh -e\n", "bash"),
        ("bin/install", "#!/usr/bin/env node\n", "javascript"),
        ("install", "", "text"),
        ("page", "\ufeff\n<!DOCTYPE HTML>\n", "html"),
        ("index", "<?php\n", "php"),
        ("ls.1", '.TH LS "1"\n', "man"),
        ("a.m", "% a script\nx = 1;\n", "matlab"),
        ("a.m", "#import <A.h>\n", "objc"),
        ("data.bin", "", None),
        ("unknown.xyz", "just words\n", None),
        (".gitignore", "*.o\n", None),
        ("bin/odd", "#!\n", None),
        ("bin/odd", "#!/usr/bin/env\n", None),
    ],
)
def test_language_of_a_file(path, head, language):
    assert detect_language(path, head) == language


def test_prose_is_docs_and_all_else_code():
    docs = {"markdown", "rst", "text", "asciidoc", "org", "latex", "man"}
    assert {source_of(language) for language in docs} == {"docs"}
    assert {source_of(language) for language in ("python", "html", "yaml", "cobol", None)} == {"code"}
