"""Whatever the text, in whatever language it is said to be, the chunks cover it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instar.chunking import chunk

LANGUAGES = [
    *("bash", "c", "cpp", "csharp", "css", "elixir", "go", "haskell", "html", "java", "javascript", "json", "kotlin"),
    *("lua", "php", "python", "ruby", "rust", "scala", "swift", "toml", "tsx", "typescript", "yaml", "zig"),
    *("markdown", "rst", "asciidoc", "org", "text", "cobol", None),
]
AWKWARD = [
    *(
        "((((([[[{{{",
        ")))]]]}}}",
        '"""',
        "'''",
        "`${",
        "/*",
        "*/",
        "<!--",
        "-- {-",
        "<<EOF",
        "EOF",
        "#if 0",
        "\\",
        "'",
        '"',
    ),
    *(
        r"x = /[(/\]{2,}(?:a|b)*$/gimsuy;",
        r"re.compile(r'(?P<a>[\]\)\"\'])')",
        r"s{a/(b)}{c\/}gex",
        r"%r{[/]\}}",
        "m!/!;",
    ),
    *(r'let r = r#"\"[("#;', "$'\\''", '@"\\"', r"/(?<!\\)\/\*/.test(a)", "if a / b then c / d", "~r/[\\/]/"),
    *(
        "\x00",
        "\x0c",
        "\u2028",
        "\x85",
        "\r",
        "\ud800",
        "é😀",
        "\ufeff",
        "\t",
        "  \t ",
        "- - - -",
        "? : |",
        "key: |",
        "===",
    ),
    *("#", "# Title", "====", "----", "~~~", "* Org", ".. note::", "---", "...", "[a]", "[[b]]", "%", "<?php", "?>"),
    *(
        "def f(a):",
        "    return a",
        "class A {",
        "}",
        "func (r *R) M() {",
        "end",
        "do",
        "fn f() {",
        "module M",
        "f x = y",
    ),
    *(
        "private int a() { return 1; }",
        "function f() {",
        "const g = () => {",
        "<div id='a'>",
        "</div>",
        "defmodule A do",
    ),
    *("#define M(a) \\", "template <class T>", "namespace n {", "impl<T> A<T> {", '"k": {', "x" * 3_000, "word " * 900),
]
BLOCK = [
    "\n".join(["    call(value)"] * 40),
    "\n".join(["alpha beta gamma delta"] * 60),
    "\n".join(["x = 1;"] * 150),
    "a(b[c{" * 3_400,
    "lorem ipsum " * 1_700,
    " " * 5_000 + "x" + " " * 5_000,
]
LINE = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(max_size=40),
    st.sampled_from(AWKWARD).map(lambda line: "        " + line),
)
TEXT = st.lists(st.one_of(LINE, LINE, LINE, st.sampled_from(BLOCK)), max_size=50).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n", "\n\n"]).map(lambda end: end.join(lines))
)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(text=TEXT)
def test_chunks_cover_every_text(language, text, sound):
    chunks = chunk(text, language)
    sound(text, chunks)
    assert chunks == chunk(text, language)
