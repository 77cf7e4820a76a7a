"""BM25 over Tantivy. The index is derived: whatever is wrong with it, it is dropped and filled again."""

import json
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import tantivy

from instar.adapters.lexical.stems import (
    language_of_passage,
    language_of_question,
    passage_terms,
    question_terms,
    spelt_tokens,
)
from instar.domain.corpus import LexicalRow
from instar.domain.search import Scope
from instar.domain.stored import Position
from instar.domain.tokens import TOKENS_VERSION, identifiers
from instar.errors import DerivedDamageError, DiskFullError

LAYOUT_VERSION = 3
"""Raised whenever the fields below, or the stems in them, change; an index of another layout is filled anew."""
WRITER_BYTES = 64_000_000
"""Memory of the writer, of which Tantivy wants at least 15 MB a thread; more makes fewer, larger segments."""
MAX_QUERY_TOKENS = 48
"""A longer question (pasted code) is cut to its rarest tokens: the others add time and hardly any score."""
COMMON_FROM = 20_000
COMMON_SHARE = 0.3
TELLING_LEAST = 3
"""In a corpus of so many chunks, a word that stands in so many of them tells nothing, if so many others are asked for:
leaving it out saves a third of the time, and over ten packages and the code search benchmark in one corpus of 126,000
chunks raises nDCG@10 of hybrid from .788 to .803 on the development questions (.839 stays .839 on the others). In one
small repository the same word can be what it is about: there it costs .02."""
BODY_WEIGHT, SYMBOL_WEIGHT, PATH_WEIGHT = 1.0, 0.5, 0.7
"""Weights of a match in the text, in the name of the definition, in the path (tuned on development queries)."""

_FIELDS = (("body", BODY_WEIGHT), ("symbol", SYMBOL_WEIGHT), ("path", PATH_WEIGHT))
_NO_CHUNK = 2**62
"""Beyond every id."""
_NEVER, _FOR_EVER = -1e18, 1e18
"""Before and after every point in time, in seconds."""
_MARK = "position"
_DAMAGED = "DAMAGED"
_SEGMENT_SUFFIXES = {".fast", ".fieldnorm", ".idx", ".pos", ".store", ".term", ".del"}
_FOOTER_MAGIC = 1337  # tantivy/src/directory/footer.rs


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in ("chunk", "text"):
        builder.add_unsigned_field(name, fast=True)
    for name in ("document", "root"):
        builder.add_unsigned_field(name, indexed=True)
    builder.add_float_field("at", fast=True)
    for name in ("source", "language", "repository", "role", "branch", "mark"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name, _ in _FIELDS:
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("position", stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


class TantivyIndex:
    """See `instar.ports.LexicalIndex`. Rows are chunks, tokenised by `instar.domain.tokens`, with their stems."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._schema = _schema()
        self._index: tantivy.Index | None = None
        self._searcher: tantivy.Searcher | None = None
        self._asked: tuple[tantivy.Searcher, str, tantivy.Query | None] | None = None

    def position(self) -> Position | None:
        """Read the mark that was committed with the rows; None where there is no sound index."""
        try:
            with self._guarded():
                searcher = self._fresh_searcher()
                found = searcher.search(self._term("mark", _MARK), 1).hits
                if not found:
                    return None
                layout, corpus, sequence = str(searcher.doc(found[0][1]).get_first("position")).split()
        except DerivedDamageError:
            return None
        return Position(corpus, int(sequence)) if layout == _layout() else None

    def _fresh_searcher(self) -> tantivy.Searcher:
        with self._guarded():
            if (self._folder / _DAMAGED).exists() or not tantivy.Index.exists(str(self._folder)):
                raise DerivedDamageError("there is no lexical index")
            if self._index is None:
                self._index = tantivy.Index(self._schema, path=str(self._folder), reuse=True)
            self._index.reload()
            self._searcher = self._index.searcher()
            return self._searcher

    def clear(self) -> None:
        """Drop the folder and make an empty index."""
        self._index = self._searcher = None
        discarded = self._folder.with_suffix(".discarded")
        shutil.rmtree(discarded, ignore_errors=True)
        with self._guarded():
            if self._folder.exists():
                # Moved in one step: a reader opening it would put its lock file into what is being deleted.
                self._folder.rename(discarded)
                shutil.rmtree(discarded, ignore_errors=True)
            self._folder.mkdir(mode=0o700, parents=True)
            self._index = tantivy.Index(self._schema, path=str(self._folder))

    def apply(self, removed: Mapping[int, int], added: Iterable[LexicalRow], position: Position) -> None:
        """Change rows and position in one commit."""
        with self._guarded():
            if self._index is None:
                self._index = tantivy.Index(self._schema, path=str(self._folder), reuse=True)
            writer = self._index.writer(heap_size=WRITER_BYTES, num_threads=1)
            gone = [document for document, first in removed.items() if not first]
            if gone:  # by query, for deleting by term takes a number for a signed one and finds nothing
                writer.delete_documents_by_query(self._any_of("document", gone))
            for document, first in removed.items():
                if first:
                    writer.delete_documents_by_query(self._all_of(self._term("document", document), self._from(first)))
            for row in added:
                writer.add_document(_document(row))
            writer.delete_documents_by_term("mark", _MARK)
            writer.add_document(
                tantivy.Document(mark=_MARK, position=f"{_layout()} {position.corpus} {position.sequence}")
            )
            writer.commit()
            writer.wait_merging_threads()
        self._searcher = None

    def search(
        self, query: str, limit: int, scope: Scope, documents: Sequence[int] | None = None
    ) -> list[tuple[int, int, float]]:
        """Return the best (chunk id, text id, score), best first."""
        with self._guarded():
            searcher = self._searcher or self._fresh_searcher()
            by_words = self._by_words(searcher, query)
            if by_words is None:
                return []
            hits = searcher.search(self._narrowed(by_words, scope, documents), limit, count=False).hits
            addresses = [address for _, address in hits]
            chunks = searcher.fast_field_values("chunk", addresses)
            texts = searcher.fast_field_values("text", addresses)
        return [(int(c or 0), int(t or 0), s) for c, t, (s, _) in zip(chunks, texts, hits, strict=True)]

    def _by_words(self, searcher: tantivy.Searcher, question: str) -> tantivy.Query | None:
        """Return what asks for a question's words, None where it has none; one is often asked again, narrower."""
        if self._asked is None or self._asked[0] is not searcher or self._asked[1] != question:
            spelt = spelt_tokens(question)
            telling = {word: spelt[word] for word in self._telling(searcher, spelt)}
            terms = question_terms(telling, language_of_question(spelt))
            self._asked = (searcher, question, self._any_term(terms) if terms else None)
        return self._asked[2]

    def _telling(self, searcher: tantivy.Searcher, words: Iterable[str]) -> list[str]:
        """Return the words worth looking for: without the common ones of a large corpus, and not too many."""
        frequency = {word: searcher.doc_freq("body", word) for word in words}
        # Of too many, the rarest are kept; a word of no chunk at all is the first to go.
        kept = sorted(frequency, key=lambda word: frequency[word] or searcher.num_docs)
        if searcher.num_docs >= COMMON_FROM:
            telling = [word for word in kept if frequency[word] <= COMMON_SHARE * searcher.num_docs]
            kept = telling if len(telling) >= TELLING_LEAST else kept
        return kept[:MAX_QUERY_TOKENS]

    def _narrowed(self, by_words: tantivy.Query, scope: Scope, documents: Sequence[int] | None) -> tantivy.Query:
        roots = scope.root_ids
        must = [self._any_of("root", roots)] if roots is not None else []
        must += [
            self._term(name, value)
            for name, value in (
                ("source", scope.source),
                ("language", scope.language),
                ("repository", scope.repository),
                ("role", scope.role),
                ("branch", scope.branch),
            )
            if value is not None
        ]
        if (scope.since, scope.until) != (None, None):
            must.append(self._within(scope))
        if documents is not None:
            must.append(self._any_of("document", documents))
        if not must:
            return by_words
        filters = [(tantivy.Occur.Must, tantivy.Query.const_score_query(query, 0.0)) for query in must]
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, by_words), *filters])

    def _any_term(self, terms: Mapping[str, int]) -> tantivy.Query:
        return tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Should, tantivy.Query.boost_query(self._term(name, term, "freq"), count * weight))
                for term, count in terms.items()
                for name, weight in _FIELDS
            ]
        )

    def _term(self, field: str, value: str | int, index_option: str = "basic") -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, value, index_option)

    def _any_of(self, field: str, values: Sequence[int]) -> tantivy.Query:
        if len(values) == 1:
            return self._term(field, values[0])
        return tantivy.Query.term_set_query(self._schema, field, list(values))

    def _all_of(self, *queries: tantivy.Query) -> tantivy.Query:
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, query) for query in queries])

    def _from(self, chunk: int) -> tantivy.Query:
        return tantivy.Query.range_query(self._schema, "chunk", tantivy.FieldType.Unsigned, chunk, _NO_CHUNK)

    def _within(self, scope: Scope) -> tantivy.Query:
        since, until = scope.since, scope.until
        return tantivy.Query.range_query(
            self._schema, "at", tantivy.FieldType.Float,
            _NEVER if since is None else since, _FOR_EVER if until is None else until, include_upper=False,
        )  # fmt: skip

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, OSError) as error:
            raise self._failure(error) from error
        except BaseException as error:
            # A panic inside Tantivy, as over a damaged file, is no Exception, and its type cannot be imported.
            if type(error).__name__ != "PanicException":
                raise
            raise self._failure(error) from error

    def _failure(self, error: BaseException) -> DiskFullError | DerivedDamageError:
        self._index = self._searcher = None
        said = " ".join(str(error).split())
        if "os error 28" in said or "No space left" in said:
            return DiskFullError(f"the disk of {self._folder} is full", "free some room and run the command again")
        return DerivedDamageError(f"the lexical index cannot be used ({said})")

    def mark_damaged(self) -> None:
        """Make sure that nobody uses the index before it has been filled anew."""
        self._index = self._searcher = None
        with suppress(OSError):  # no folder, no room, no right to write: whoever meets the damage next marks it
            (self._folder / _DAMAGED).touch()

    def verify(self) -> list[str]:
        """Compare each segment file with the checksum in its footer and return what is wrong."""
        if self.position() is None:
            return ["there is no usable lexical index"]
        try:
            return [
                f"{path.name} of the lexical index does not fit its checksum"
                for path in sorted(self._folder.iterdir())
                if path.suffix in _SEGMENT_SUFFIXES and not _sound(path)
            ]
        except OSError as error:
            return [f"the lexical index cannot be read ({error.strerror})"]


def _sound(path: Path) -> bool:
    """Check a file against its footer: JSON with the CRC-32 of the body, its length, a magic number."""
    content = path.read_bytes()
    length = int.from_bytes(content[-8:-4], "little")
    if int.from_bytes(content[-4:], "little") != _FOOTER_MAGIC or not 0 < length < len(content):
        return False
    try:
        footer = json.loads(content[-8 - length : -8])
        return bool(zlib.crc32(content[: -8 - length]) == footer["crc"])
    except (ValueError, TypeError, KeyError):
        return False


def _layout() -> str:
    return f"{LAYOUT_VERSION}.{TOKENS_VERSION}"


def _document(row: LexicalRow) -> tantivy.Document:
    document = tantivy.Document()
    document.add_unsigned("chunk", row.chunk_id)
    document.add_unsigned("text", row.text_id)
    document.add_unsigned("document", row.document_id)
    document.add_unsigned("root", row.root_id)
    document.add_text("source", row.source)
    document.add_text("language", row.language)
    document.add_text("repository", row.repository)
    if row.role:  # else a session without a branch and every file would have the same
        document.add_text("role", row.role)
        document.add_text("branch", row.branch)
    if row.at is not None:
        document.add_float("at", row.at)
    words = identifiers(row.text)
    language = language_of_passage(words)
    document.add_text("body", passage_terms(words, language))
    document.add_text("symbol", passage_terms(identifiers(row.symbol), language))
    document.add_text("path", passage_terms(identifiers(row.path), language))
    return document
