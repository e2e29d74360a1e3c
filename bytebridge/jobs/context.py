"""Everything a job works with, built once by the service."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bytebridge.connector import Connector
from bytebridge.domain.model import Instant, Source
from bytebridge.domain.notices import Policy
from bytebridge.domain.rules import Rules
from bytebridge.ledger.engine import Store
from bytebridge.settings import Settings

if TYPE_CHECKING:
    from bytebridge.erp.write_back import Writer
    from bytebridge.helpdesk.connector import HelpDesk
    from bytebridge.notices.smtp import Mailer


@dataclass(frozen=True, slots=True)
class Context:
    """by: the login that runs the command, or "daemon". stopping: True once the process should end soon.

    allowed: credits that a person let through the brake. turns: one pass over a source at a time within the
    process. freshen: reads shop and ERP, before a stranger is charged. token: of the pass, by which its log lines
    are found; made anew for each pass when it is empty. apart: statements are drawn by a process of their own.
    """

    store: Store
    settings: Settings
    rules: Rules
    rules_digest: str
    policy: Policy
    connectors: Mapping[Source, Connector]
    now: Callable[[], Instant]
    by: str
    desk: "HelpDesk | None" = None
    mailer: "Mailer | None" = None
    writer: "Writer | None" = None
    stopping: Callable[[], bool] = lambda: False
    allowed: int = 0
    turns: Mapping[Source, threading.Lock] = field(default_factory=dict)
    freshen: Callable[[], None] = lambda: None
    token: str = ""
    apart: bool = False
    progress: Callable[[str, int], None] = lambda _what, _count: None


@dataclass(slots=True)
class PassResult:
    """What a pass did: `examined` documents whose content differed, `posted` entries."""

    examined: int = 0
    seen: int = 0
    posted: int = 0
    reviews: int = 0
    failed: int = 0
    error: str | None = None

    def add(self, other: "PassResult") -> None:
        """Adds a second reading of the same source in one pass."""
        for name in ("examined", "seen", "posted", "reviews", "failed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.error = other.error
