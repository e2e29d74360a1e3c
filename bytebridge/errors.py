"""Every error of this program, sorted by what the caller does next."""


class BytebridgeError(Exception):
    """One sentence that says what happened, to which thing, and what to do next."""


class SettingsError(BytebridgeError):
    """Wrong configuration: exit 2, never retried. `problems` holds one line for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class RemoteError(BytebridgeError):
    """Something about a remote system; `system` is its source name, `operation` the call without its query."""

    def __init__(self, system: str, operation: str, message: str) -> None:
        super().__init__(f"{system}: {message} ({operation})")
        self.system = system
        self.operation = operation
        self.message = message


class RemoteUnavailable(RemoteError):
    """Passing trouble (time-out, 5xx, 429, maintenance page): try again next turn, the cursor stays."""

    def __init__(self, system: str, operation: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(system, operation, message)
        self.retry_after_s = retry_after_s


class RemoteRefused(RemoteError):
    """A wrong key, a missing right or a wrong address: the source pauses and a person must act."""


class RemoteSurprise(RemoteError):
    """An answer that the notes on this system do not allow: nothing moves on it."""

    def __init__(self, system: str, operation: str, message: str, *, document: str | None = None) -> None:
        super().__init__(system, operation, message)
        self.document = document


class RemoteRejected(RemoteError):
    """The system understood and declined this one item, likely for ever: park it, go on with the others."""


class OutcomeUnknown(RemoteError):
    """A write went out and no clear answer came: look before sending again."""


class StoreBusy(BytebridgeError):
    """The database was locked or chose this transaction as a deadlock's victim: run the whole one again."""


class StoreBroken(BytebridgeError):
    """A damaged, foreign, newer or full store: the daemon stops, a person must act."""


class StoreMissing(StoreBroken):
    """There is no store yet: a command that only reads says so, one that writes makes it."""


class NotFound(BytebridgeError):
    """No such account, document or item: exit 1 with this sentence."""


class Refused(BytebridgeError):
    """A command that must not be carried out as asked: exit 1 with this sentence."""
