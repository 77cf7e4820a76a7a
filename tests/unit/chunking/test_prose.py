"""Documents are cut at their headings, whose path is the symbol."""

import pytest

from instar.chunking import chunk

PARAGRAPH = "Words that say something about the matter at hand.\n" * 10 + "\n"


def symbols(text: str, language: str) -> list[str]:
    return [piece.symbol for piece in chunk(text, language)]


def test_markdown_sections_have_the_path_of_their_headings(sound):
    text = (
        f"# Guide\n\n{PARAGRAPH}{PARAGRAPH}{PARAGRAPH}## Install\n\n{PARAGRAPH}{PARAGRAPH}{PARAGRAPH}### Linux ##\n\n"
        + (PARAGRAPH * 3 + f"Usage\n-----\n\n{PARAGRAPH * 3}")
    )
    pieces = chunk(text, "markdown")
    assert [piece.symbol for piece in pieces] == [
        "Guide",
        "Guide > Install",
        "Guide > Install > Linux",
        "Guide > Usage",
    ]
    assert {piece.kind for piece in pieces} == {"section"}
    sound(text, pieces)


def test_small_sections_are_merged():
    assert symbols("# A\n\none\n\n## B\n\ntwo\n\n## C\n\nthree\n", "markdown") == ["A; A > B; A > C"]


def test_what_looks_like_a_heading_in_code_or_front_matter_is_none():
    text = "---\ntitle: x\n# not one\n---\n# Real\n\n```sh\n# comment\n```\n"
    text += "\n~~~\n# other\n```\n# more\n~~~\n\n- item\n---\n"
    assert symbols(text, "markdown") == ["Real"]


def test_an_unclosed_fence_or_front_matter_loses_nothing(sound):
    for text in ("---\na: b\n" + PARAGRAPH * 9, "# A\n\n```\n" + PARAGRAPH * 9):
        sound(text, chunk(text, "markdown"))


def test_fenced_code_is_kept_whole_where_it_fits():
    fence = "```python\n" + "call(one, two)\n\n" * 40 + "```\n"
    text = "# A\n\n" + PARAGRAPH * 2 + fence + PARAGRAPH * 4
    assert any(fence.rstrip("\n") in piece.text for piece in chunk(text, "markdown"))


def test_restructuredtext_levels_come_in_order_of_appearance():
    text = (
        f"=====\nTitle\n=====\n\n{PARAGRAPH * 3}First\n-----\n\n{PARAGRAPH * 3}Deep\n~~~~\n\n{PARAGRAPH * 3}"
        f"Second\n------\n\n{PARAGRAPH * 3}"
    )
    assert symbols(text, "rst") == ["Title", "Title > First", "Title > First > Deep", "Title > Second"]


def test_asciidoc_and_org_headings():
    asciidoc = f"= T\n\n{PARAGRAPH * 3}== One\n\n----\n== no\n----\n{PARAGRAPH * 3}"
    org = f"* T\n\n{PARAGRAPH * 3}** One\n\n#+BEGIN_SRC\n** no\n#+END_SRC\n{PARAGRAPH * 3}"
    assert symbols(asciidoc, "asciidoc") == symbols(org, "org") == ["T", "T > One"]


def test_yaml_keys_are_sections_and_block_scalars_are_text():
    steps = "".join(f"      - step {number} of the build, at length\n" for number in range(35))
    text = f"name: x\njobs:\n  build:\n    steps:\n{steps}  test:\n    script: |\n      no:\n{steps}last: 1\n"
    names = " ".join(symbols(text, "yaml")).split()
    assert {"jobs.build", "jobs.test", "last"} <= set(names)
    assert not [name for name in names if "no" in name.split(".")]


def test_plain_text_is_cut_at_paragraphs(sound):
    text = PARAGRAPH * 12
    pieces = chunk(text, "text")
    sound(text, pieces)
    assert all(piece.text.count("\n\n") == (len(piece.text) + 1) // len(PARAGRAPH) for piece in pieces)
    assert {piece.kind for piece in pieces} == {"window"}


@pytest.mark.parametrize("language", ["markdown", "rst", "asciidoc", "org", "yaml", "text"])
@pytest.mark.parametrize("start", ["# ", "## a #", "== ", "* ", "---", "===", "key: |", "- ", "#+begin_", "```", ""])
@pytest.mark.parametrize("filler", [" ", "#", "-", "=", "\t", "- ", "a: "])
def test_long_lines_take_no_long_time(language, start, filler, sound):
    text = f"Title\n{start}{filler * 20_000}x\nend\n"
    sound(text, chunk(text, language))
