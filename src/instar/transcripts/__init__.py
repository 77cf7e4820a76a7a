"""Transcripts of coding agents, read to turns.

`TRANSCRIPT_VERSION` grows with every change of what is read to which turns.
"""

from instar.transcripts.reader import folder_of, read_transcript

TRANSCRIPT_VERSION = 4

__all__ = ["TRANSCRIPT_VERSION", "folder_of", "read_transcript"]
