"""Text to chunks, by syntax where a grammar is known, by headings in prose, else by lines.

Pure functions: no files, no state, no embedding model. Importing this package loads no grammar.
"""

from instar.chunking.chunker import CHUNKER_VERSION, chunk
from instar.chunking.languages import LANGUAGES, detect_language, source_of

__all__ = ["CHUNKER_VERSION", "LANGUAGES", "chunk", "detect_language", "source_of"]
