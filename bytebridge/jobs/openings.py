"""Opening balances out of a CSV file: everything is checked before anything is posted."""

import csv
import io
import re
from pathlib import Path

from bytebridge.domain.accounts import normalise
from bytebridge.domain.model import Credits
from bytebridge.errors import Refused
from bytebridge.jobs.people import Opening
from bytebridge.jobs.rules import systems
from bytebridge.settings import Settings

COLUMNS = ("email", "credits", "name", "language", "reason")
LARGEST = 32 * 1024 * 1024  # bytes
SHOWN = 20  # mistakes
LANGUAGES = ("", "es", "fr", "en")


def read(path: str) -> list[Opening]:
    """The rows of the file; Refused lists the mistakes with their line numbers."""
    try:
        raw = Path(path).read_bytes()
        if len(raw) > LARGEST:
            raise Refused(f"{path}: larger than {LARGEST} bytes: split it")
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path}: not UTF-8 at byte {error.start}: save it as UTF-8") from error
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = ";" if first.count(";") > first.count(",") else ","
    return _rows(path, text, delimiter)


def _rows(path: str, text: str, delimiter: str) -> list[Opening]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    mistakes: list[str] = []
    found: dict[str, Opening] = {}
    try:
        header = [name.strip().casefold() for name in next(reader, [])]
        if header[:2] != ["email", "credits"] or set(header) - set(COLUMNS) or len(set(header)) != len(header):
            raise Refused(f"{path}: line 1: the header must be email,credits[,name,language,reason]")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            opening = _opening(dict(zip(header, cells, strict=False)), len(cells), len(header))
            if isinstance(opening, str):
                mistakes.append(f"line {reader.line_num}: {opening}")
            elif opening[0] in found:
                mistakes.append(f"line {reader.line_num}: {opening[0]} stands twice in the file")
            else:
                found[opening[0]] = opening
    except csv.Error as error:
        mistakes.append(f"line {reader.line_num}: {error}")
    if mistakes:
        more = f" (and {len(mistakes) - SHOWN} more)" if len(mistakes) > SHOWN else ""
        raise Refused(f"{path}: nothing was imported: " + "; ".join(mistakes[:SHOWN]) + more)
    return list(found.values())


def _opening(row: dict[str, str], cells: int, columns: int) -> Opening | str:
    if cells > columns:
        return f"{cells} cells, the header has {columns}"
    email = normalise(row.get("email"))
    if email is None:
        return "no e-mail address"
    credits = row.get("credits", "").strip()
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", credits):
        return f"credits are no whole number: {credits[:20]!r}"
    language = row.get("language", "").strip().casefold()
    if language not in LANGUAGES:
        return f"language {language[:10]!r} is none of es, fr, en"
    name = row.get("name", "").strip()
    return email, Credits(int(credits)), name, language or None, row.get("reason", "").strip()


def refuse_double_count(settings: Settings) -> None:
    """Openings and the whole history together would count twice."""
    unbounded = [name.value for name, section in systems(settings).items() if section.url and section.since is None]
    if unbounded:
        keys = ", ".join(f"{name}.since" for name in unbounded)
        raise Refused(f"set {keys} first, or what is read from there counts twice (or give --with-history)")
