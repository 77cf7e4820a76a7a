"""Transcripts of coding agents, read to turns."""
