"""Redaction: secrets in a text become placeholders before anything stores, logs or sends it."""

from instar.redaction.redactor import KINDS, REDACTOR_VERSION, Finding, Redaction, redact

__all__ = ["KINDS", "REDACTOR_VERSION", "Finding", "Redaction", "redact"]
