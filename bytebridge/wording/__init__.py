"""Sentences that say why a document moved what it moved, shared by letters, statements and commands."""

from bytebridge.wording.rule_steps import steps
from bytebridge.wording.sentences import explain, reason

__all__ = ["explain", "reason", "steps"]
