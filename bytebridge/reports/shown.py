"""What every format of a statement shows, in the customer's words: made once, so that the formats cannot differ.

In a shared account a document goes by its code; neither a colleague's address nor a subject comes this far.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from bytebridge.domain.model import Credits, Instant, Source
from bytebridge.domain.statement import Line, Statement, totals
from bytebridge.reports.figures import Figures
from bytebridge.reports.words import kind_name
from bytebridge.wording import reason

Range = tuple[int, int]

STRETCHES = 240  # of time, in a drawing


@dataclass(frozen=True, slots=True)
class Row:
    """One movement in words. document: "" where the movement has none that a customer would know."""

    line: Line
    document: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Point:
    """The balance from `at` on."""

    at: Instant
    balance: Credits


def rows(statement: Statement, figures: Figures) -> Iterator[Row]:
    for line in statement.lines:
        yield Row(line, document(line, figures), kind(line, figures), why(line, figures.language))


def document(line: Line, figures: Figures) -> str:
    if line.source == Source.ADMIN:
        return ""  # the key of an opening balance is an address
    return printable(figures.words[line.source].format(code=line.code or line.document.partition(":")[2]))


def kind(line: Line, figures: Figures) -> str:
    work = line.derivation.get("kind") if line.source == Source.HELPDESK else None
    return kind_name(str(work or line.kind.value), figures.language)


def why(line: Line, language: str) -> str:
    return printable(reason(line.derivation, line.credits, language))


def total_rows(statement: Statement, figures: Figures) -> list[tuple[str, Credits]]:
    """Kinds with their credits, in the order they first occur."""
    return [(kind_name(name, figures.language), credits) for name, credits in totals(statement).items()]


def movement(statement: Statement) -> tuple[Credits, Credits]:
    """Credits received and credits used, both positive; they differ by what the balance changed."""
    received = sum(line.credits for line in statement.lines if line.source != Source.HELPDESK)
    used = -sum(line.credits for line in statement.lines if line.source == Source.HELPDESK)
    return Credits(received), Credits(used)


def holder(statement: Statement) -> str:
    """Whose statement it is: a name, or the only address there is; "" where colleagues share the account.

    The name of a shared account is that of whoever came first.
    """
    if len(statement.emails) > 1:
        return ""
    return printable(statement.name or "".join(statement.emails))


def address(statement: Statement) -> str:
    """The account's only address; "" where it is already the holder's name or where colleagues share the account."""
    alone = statement.emails[0] if len(statement.emails) == 1 and statement.name else ""
    return printable(alone)


def period(statement: Statement, figures: Figures) -> str:
    words = figures.words
    first = figures.day(statement.since) if statement.since is not None else ""
    last = figures.day(Instant(statement.until - 1)) if statement.until is not None else ""
    if first and last:
        return words["between"].format(first=first, last=last)
    if first:
        return words["since"].format(day=first)
    return words["until"].format(day=last) if last else words["whole"]


def is_past(statement: Statement, made: Instant | None) -> bool:
    """Whether it ends before the day it was drawn up, so that its balance need not be that of then."""
    return statement.until is not None and (made is None or statement.until <= made)


def forecast(statement: Statement, lasts: Range | None, figures: Figures, made: Instant | None) -> str:
    """How long the balance lasts, as a range: more than that nobody can tell."""
    words = figures.words
    if statement.closing < 0:
        return words["owed"].format(credits=figures.number(-statement.closing))
    if statement.closing == 0:
        return words["nothing_left"]
    if lasts is None:
        return words["lasts_past" if is_past(statement, made) else "lasts_unknown"]
    return words["lasts"].format(span=figures.span(lasts))


def points(statement: Statement, made: Instant | None) -> list[Point]:
    """The balance's course until the period's end or `made`, whichever is earlier: what is to come is not known."""
    found: list[Point] = []
    if statement.since is not None and statement.opening:
        found.append(Point(statement.since, statement.opening))
    elif statement.lines:
        # nothing is drawn for the years before an account had anything
        found.append(Point(statement.lines[0].at, statement.opening))
    found += [Point(line.at, line.balance) for line in statement.lines]
    ends = min((end for end in (statement.until, made) if end is not None), default=None)
    if found and ends is not None and ends > found[-1].at:
        found.append(Point(ends, statement.closing))
    return _thinned(found) if len(found) > STRETCHES else found


def _thinned(found: list[Point]) -> list[Point]:
    """Of each stretch of time the lowest point, the highest and the last: years of movements stay a drawing."""
    first, width = found[0].at, max(1, -(-(found[-1].at - found[0].at) // STRETCHES))
    kept = [found[0]]
    for _, stretch in groupby(found[1:], key=lambda point: (point.at - first) // width):
        some = list(stretch)
        ends = {min(some, key=lambda point: point.balance), max(some, key=lambda point: point.balance), some[-1]}
        kept += [point for point in some if point in ends]
    return kept


def months(statement: Statement, figures: Figures) -> list[tuple[str, Credits]]:
    """Each month with movements and its last balance."""
    found: dict[str, Credits] = {}
    for line in statement.lines:
        found[f"{figures.local(line.at):%Y-%m}"] = line.balance
    return list(found.items())


def extremes(statement: Statement) -> tuple[Credits, Credits]:
    """Lowest and highest balance."""
    balances = [statement.opening, *(line.balance for line in statement.lines)]
    return min(balances), max(balances)


def plot_text(statement: Statement, figures: Figures) -> str:
    """What the drawing shows, for those who cannot see it."""
    lowest, highest = extremes(statement)
    return figures.words["plot_text"].format(
        opening=figures.number(statement.opening),
        closing=figures.number(statement.closing),
        lowest=figures.number(lowest),
        highest=figures.number(highest),
    )


def printable(text: str) -> str:
    """One line without control characters and without marks that turn the direction of what follows."""
    spaced = " ".join(text.split())
    return spaced if spaced.isprintable() else "".join(char for char in spaced if char.isprintable())
