"""How much of a question a vocabulary knows, whatever kind of vocabulary it is."""

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from instar.adapters.embedders.static import StaticEmbedder, builtin_folder
from instar.adapters.embedders.words import share_of_whole_words

LETTERS = [*"hiyo", "▁", "Ġ"]


def tokenizer(merges: list[tuple[str, str]]) -> Tokenizer:
    made = [first + second for first, second in merges]
    vocabulary = {token: number for number, token in enumerate(["<unk>", *LETTERS, *made])}
    return Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))


def with_a_mark_before_every_text() -> Tokenizer:
    """As Llama's: a text begins with a mark, and each space is one."""
    made = tokenizer([("h", "i"), ("▁", "hi")])
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(Regex(" "), "▁")])
    return made


def with_the_space_in_the_word() -> Tokenizer:
    """As GPT-2's, of bytes: what stands behind a space is another token than the same letters without one."""
    made = tokenizer([("Ġ", "h"), ("Ġh", "i")])
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return made


@pytest.mark.parametrize("make", [with_a_mark_before_every_text, with_the_space_in_the_word])
@pytest.mark.parametrize(("text", "share"), [("hi", 1.0), ("hi hi", 1.0), ("yo", 0.0), ("hi yo", 0.5), ("", 1.0)])
def test_a_word_is_whole_with_the_space_before_it_or_without(make, text, share):
    made = make()
    assert share_of_whole_words(text, lambda word: made.encode(word, add_special_tokens=False).tokens) == share


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("parse_json_file", 1.0),
        ("retries of the session (again)", 1.0),
        ("ファイルを読み込む", 1.0),
        ("如何关闭会话", 1.0),
        ("ไฟล์ปิดอย่างไร", 1.0),
        ("如何关闭session", 1.0),
        ("如何关闭grblf", 0.0),
        ("🙂 -> !", 1.0),
        ("où sont éliminées", 0.0),
        ("e\u0301te\u0301 file", 0.5),
        ("कैसे file", 0.5),
    ],
)
def test_words_are_runs_of_letters_where_those_are_written_with_spaces(text, share):
    known = {"parse", "json", "file", "retries", "of", "the", "session", "again"}
    assert share_of_whole_words(text, lambda word: [word] if word.strip() in known else list(word)) == share


@pytest.mark.parametrize("piece", ["[UNK]", "<unk>", ""])
def test_one_piece_that_stands_for_what_is_unknown_is_no_word(piece):
    assert share_of_whole_words("any word", lambda _: [piece]) == 0.0


def test_a_tokenizer_that_fails_tells_nothing():
    def failing(word: str) -> list[str]:
        raise AttributeError(word)

    assert share_of_whole_words("any word", failing) == 1.0


def test_the_built_in_model_reads_words_as_others_do():
    embedder = StaticEmbedder(builtin_folder())
    assert embedder.embed_query("parse_json_file").familiarity == 1.0
    assert embedder.embed_query("如何关闭会话 session").familiarity == 1.0
    assert embedder.embed_query("session (où)").familiarity == 0.5
