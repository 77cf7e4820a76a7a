"""How a source text is cut: what stays together, what is merged, what is split."""

import random
import subprocess
import sys

import pytest

from instar.chunking import chunk
from instar.domain.chunks import Chunk


def function(name: str, lines: int, indent: str = "") -> str:
    body = "".join(f"{indent}    value_{number} = compute({number})\n" for number in range(lines))
    return f"{indent}def {name}():\n{body}"


def test_small_definitions_are_merged():
    text = "".join(function(f"f{number}", 2) + "\n" for number in range(5))
    (only,) = chunk(text, "python")
    assert only == Chunk(text.rstrip("\n"), 1, 19, "f0 f1 f2 f3 f4", "function")


def test_functions_of_medium_size_stand_alone_and_whole():
    text = function("first", 40) + "\n\n" + function("second", 60)
    assert [(piece.symbol, piece.start_line, piece.end_line) for piece in chunk(text, "python")] == [
        ("first", 1, 41),
        ("second", 44, 104),
    ]


def test_a_large_class_is_split_at_its_members():
    text = 'class Big:\n    """Doc."""\n\n' + "\n".join(function(f"m{number}", 40, "    ") for number in range(3))
    pieces = chunk(text, "python")
    assert [piece.symbol for piece in pieces] == ["Big Big.m0", "Big.m1", "Big.m2"]
    assert {piece.kind for piece in pieces} == {"function"}
    assert pieces[0].text.startswith("class Big:")


def test_a_small_class_stays_whole():
    text = "import os\n" * 100 + "\nclass Small:\n" + function("one", 20, "    ") + function("two", 10, "    ")
    last = chunk(text, "python")[-1]
    assert (last.symbol, last.kind) == ("Small", "class")
    assert last.text.startswith("class Small:")


def test_a_large_function_is_split_and_its_pieces_keep_its_name():
    pieces = chunk(function("huge", 300), "python")
    assert len(pieces) > 3
    assert {(piece.symbol, piece.kind) for piece in pieces} == {("huge", "function")}
    assert min(len(piece.text) for piece in pieces) > 500


def test_nested_functions_of_a_large_function_have_its_path():
    body = "    run()\n" * 120
    text = "function outer() {\n" + "".join(f"  function inner{number}() {{\n{body}  }}\n" for number in range(3))
    names = {name for piece in chunk(text + "}\n", "javascript") for name in piece.symbol.split()}
    assert {"outer.inner0", "outer.inner1", "outer.inner2"} <= names


@pytest.mark.parametrize(
    ("language", "lead", "definition"),
    [
        ("python", "# why\n@decorated(1)\n@again\n", "def f():\n"),
        ("rust", "/// why\n#[test]\n", "fn f() {\n"),
        ("java", "/**\n * why\n */\n@Test\n", "void f() {\n"),
        ("go", "// why\n// more\n", "func f() {\n"),
        ("haskell", "-- | why\nf :: Int\n", "f = do\n"),
        ("elixir", '@doc "why"\n@spec f() :: integer\n', "def f do\n"),
    ],
)
def test_comments_and_attributes_stay_with_their_definition(language, lead, definition):
    filler = "x = 1\n" * 240 + "\n"
    body = "    call(a)\n" * 100 + "}\n"
    holders = [piece for piece in chunk(filler + lead + definition + body, language) if definition in piece.text]
    assert lead in holders[0].text


def test_a_comment_apart_or_behind_code_is_no_lead():
    text = "x = 1  # behind\n" + function("f", 60) + "\n# apart\n\n" + function("g", 60)
    starts = {piece.symbol: piece.text.split("\n", 1)[0] for piece in chunk(text, "python")}
    assert starts["g"] == "def g():"
    assert starts["f"] == "def f():"


def test_overloads_and_equations_are_one_definition():
    text = "".join(f"f {number} = otherwise_calculated_from {number}\n" for number in range(30))
    assert [piece.symbol for piece in chunk(text, "haskell")] == ["f"]


def test_c_headers_may_hold_cplusplus():
    text = "#pragma once\nnamespace geo {\nclass Shape {\n  int area() {\n" + "    run();\n" * 200 + "  }\n};\n}\n"
    assert "geo.Shape.area" in {piece.symbol.split()[-1] for piece in chunk(text, "c")}


def test_text_that_does_not_parse_is_still_cut_near_its_definitions(sound):
    text = function("good", 60) + "\n)))) def ((( broken [[[ \n\n" + function("after", 60)
    pieces = chunk(text, "python")
    sound(text, pieces)
    assert {"good", "after"} <= {name for piece in pieces for name in piece.symbol.split()}


@pytest.mark.parametrize("language", [None, "python", "markdown", "text", "cobol"])
@pytest.mark.parametrize("text", ["", "\n", " \t\r\n\f\n", "\u2028\n\x1c"])
def test_a_blank_text_has_no_chunks(language, text):
    assert chunk(text, language) == []


@pytest.mark.parametrize("language", [None, "python", "markdown", "text", "cobol"])
def test_one_character_is_a_chunk(language):
    assert [(piece.text, piece.start_line, piece.end_line) for piece in chunk("\n\nx", language)] == [("x", 3, 3)]


def test_only_line_feeds_separate_lines():
    text = "a\rb\u2028c\x0cd\x85e\n\x00f\r\n"
    assert [(piece.text, piece.start_line, piece.end_line) for piece in chunk(text, None)] == [
        ("a\rb\u2028c\x0cd\x85e\n\x00f\r", 1, 2)
    ]


def test_languages_without_a_grammar_are_cut_by_lines_at_blank_ones(sound):
    paragraphs = ["".join(f"MOVE A-{row} TO B.\n" for row in range(20)) for _ in range(20)]
    text = "\n".join(paragraphs)
    pieces = chunk(text, "cobol")
    sound(text, pieces)
    assert {(piece.symbol, piece.kind) for piece in pieces} == {("", "window")}
    assert all(piece.text.startswith("MOVE A-0 ") for piece in pieces)


def test_a_missing_grammar_means_windows():
    script = (
        "import sys; sys.modules['tree_sitter_zig'] = None\n"
        "from instar.chunking import chunk\n"
        "print([piece.kind for piece in chunk('fn main() void {}', 'zig')])"
    )
    assert run(script) == "['window']"


def test_importing_loads_no_parser_and_no_grammar():
    script = "import sys, instar.chunking; print([name for name in sys.modules if name.startswith('tree_sitter')])"
    assert run(script) == "[]"


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_long_line_is_cut_at_whitespace(sound):
    words = " ".join(random.Random(7).choices(["alpha", "beta", "gamma"], k=4_000))
    text = f"x = 1\n{words}\ny = 2\n"
    pieces = chunk(text, "python")
    sound(text, pieces)
    parts = [piece.text for piece in pieces if piece.start_line == 2]
    assert "".join(parts) == words
    assert all(part.split()[-1] in {"alpha", "beta", "gamma"} for part in parts)


@pytest.mark.parametrize("opening", ["(", "[", "{", "if (a) ", "<div>", "x => ", "f(", "/*", "- ", "A<"])
@pytest.mark.parametrize("language", ["javascript", "python", "c", "java", "html", "yaml", "json", "bash", "lua"])
def test_deep_nesting_and_unbalanced_brackets(language, opening, sound):
    text = "\n".join([opening * 20] * 40)
    sound(text, chunk(text, language))


def test_deep_trees_do_not_exhaust_the_stack(sound):
    text = "".join(f"{' ' * depth}def f{depth}():\n" for depth in range(400)) + " " * 400 + "pass\n"
    sound(text, chunk(text, "python"))


def test_a_large_file(sound):
    text = "".join(function(f"f{number}", 20) + "\n" for number in range(2_500))
    pieces = chunk(text, "python")
    sound(text, pieces)
    assert pieces[-1].symbol.endswith("f2499")
    sound(text * 3, chunk(text * 3, "python"))


def test_the_symbol_of_many_definitions_is_bounded_and_drops_the_shared_path():
    members = "".join(f"  void member_{number}() {{}}\n" for number in range(60))
    padding = "  // padding\n" * 60
    text = f"class {'Long' * 15} {{\n{padding}\n{members}\n{padding}}}\n"
    symbols = [piece.symbol for piece in chunk(text, "java")]
    assert max(map(len, symbols)) <= 200
    assert any(" member_1 " in symbol for symbol in symbols)
