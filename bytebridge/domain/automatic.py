"""Tickets that no person wrote: answers of machines, and our own letters come back. They bring no letter."""

import re
from collections.abc import Collection

from bytebridge.domain.accounts import normalise
from bytebridge.domain.model import Ticket
from bytebridge.domain.rules import fold

MACHINES = re.compile(
    r"(mailer-daemon|postmaster|(no|do-?not|ne-?pas)[-_.]?(reply|responder|repondre)|bounces?|autoreply)\b"
)
ANSWERS = re.compile(
    r"(auto(matic(al)?)?[- ]?(reply|response|answer)|respuesta automatica|reponse automatique|contestacion automatica"
    r"|out of (the )?office|fuera de la oficina|ausencia|absence|absent"
    r"|undeliver|delivery (status|failure)|mail delivery|returned mail|failure notice|no entregado)"
)
OUR_CODE = re.compile(r"\bbb-\d+-\d+-[0-9a-f]{8,}\b")


def is_machine(ticket: Ticket, own: Collection[str]) -> bool:
    """Whether no person reads what is sent to its address. own: the firm's own addresses, normalised."""
    email = normalise(ticket.email) or ""
    return email in own or MACHINES.match(email.partition("@")[0]) is not None


def answers_a_letter(ticket: Ticket) -> bool:
    """Whether its subject is that of an automatic answer, or bears the code that every mail of ours has in it."""
    subject = re.sub(r"^((re|rv|aw|fwd?|tr|ref)\s*:\s*)+", "", fold(ticket.subject))
    return bool(ANSWERS.match(subject) or OUR_CODE.search(subject))


def is_automatic(ticket: Ticket, own: Collection[str]) -> bool:
    """Whether a machine wrote it, or it holds a letter of ours."""
    return is_machine(ticket, own) or answers_a_letter(ticket)
