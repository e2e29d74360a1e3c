"""The search language of Dolibarr's lists (`sqlfilters`), silent traps included.

A filter becomes a predicate over table rows. Columns are given as {"t.tms": ("tms", "time")}: the key in the row
and how the data base compares it ("number", "text", "time", "day").
"""

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation

LEAF = re.compile(r"\(([A-Za-z0-9_.]+):([A-Za-z<>!=]+):([^()]*)\)")
TOKEN = re.compile(r"\s*(?:(\([A-Za-z0-9_.]+:[A-Za-z<>!=]+:[^()]*\))|(\()|(\))|(and|or)\b)", re.IGNORECASE)
MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?")
COMPARE = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class WrongSyntaxError(Exception):
    """Refused before the data base is asked: 400."""


class SqlError(Exception):
    """Refused by the data base: 503."""


def parse(text, columns, local):
    """The predicate of a filter. local(column, epoch): the wall-clock time the data base compares with."""
    if not _balanced(text):
        raise WrongSyntaxError(f"Wrong balance of parenthesis in sqlfilters=({text})")
    rest = re.sub(r"\b(and|or)\b", "", LEAF.sub("", text), flags=re.IGNORECASE)
    if re.sub(r"[()\s]", "", rest) or not LEAF.search(text):
        raise WrongSyntaxError(f"Bad syntax of the search string: ({text})")
    tokens = _tokens(text)
    predicate, end = _alternatives(tokens, 0, columns, local)
    if end != len(tokens):
        raise SqlError(_near(text))
    return predicate


def _balanced(text):
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def _tokens(text):
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise WrongSyntaxError(f"Bad syntax of the search string: ({text})")
        tokens.append(found.group().strip())
        at = found.end()
    return tokens


def _alternatives(tokens, at, columns, local):
    first, at = _conjunction(tokens, at, columns, local)
    parts = [first]
    while at < len(tokens) and tokens[at].lower() == "or":
        part, at = _conjunction(tokens, at + 1, columns, local)
        parts.append(part)
    return (lambda row: any(part(row) for part in parts)), at


def _conjunction(tokens, at, columns, local):
    first, at = _term(tokens, at, columns, local)
    parts = [first]
    while at < len(tokens) and tokens[at].lower() == "and":
        part, at = _term(tokens, at + 1, columns, local)
        parts.append(part)
    return (lambda row: all(part(row) for part in parts)), at


def _term(tokens, at, columns, local):
    if at >= len(tokens):
        raise SqlError(_near(""))
    if tokens[at] == "(":
        inner, at = _alternatives(tokens, at + 1, columns, local)
        if at >= len(tokens) or tokens[at] != ")":
            raise SqlError(_near(""))
        return inner, at + 1
    leaf = LEAF.fullmatch(tokens[at])
    if leaf is None:
        raise SqlError(_near(tokens[at]))
    return _leaf(*leaf.groups(), columns, local), at + 1


def _leaf(column, operator, value, columns, local):
    operator = operator.upper()
    known = {*COMPARE, "IN", "NOTIN", "LIKE", "NOTLIKE", "IS", "ISNOT"}
    if operator not in known:
        raise SqlError(_near(f"{operator} {value}"))
    if column not in columns:
        raise SqlError(f"Unknown column '{column}' in 'WHERE'")
    key, kind = columns[column]
    if operator in ("IS", "ISNOT"):
        if value.upper() != "NULL":
            raise SqlError(_near(value))
        return lambda row: (row[key] is None) == (operator == "IS")
    if operator in ("IN", "NOTIN"):
        # letters the server does not expect in a list are dropped: an address loses its @ and finds nothing
        wanted = {re.sub(r"[^\w.,\- ]", "", part).strip().lower() for part in value.split(",")}
        return lambda row: row[key] is not None and (str(row[key]).lower() in wanted) == (operator == "IN")
    quoted = len(value) >= 2 and value[0] == value[-1] == "'"
    if operator in ("LIKE", "NOTLIKE"):
        pattern = _like(value[1:-1] if quoted else value)
        return lambda row: row[key] is not None and bool(pattern.fullmatch(str(row[key]))) == (operator == "LIKE")
    if not quoted and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        if re.fullmatch(r"[A-Za-z_][\w.]*", value):
            raise SqlError(f"Unknown column '{value}' in 'WHERE'")
        raise SqlError(_near(value))
    return _comparison(column, kind, COMPARE[operator], value[1:-1] if quoted else value, key=key, local=local)


def _comparison(column, kind, compare, value, *, key, local):
    if kind in ("time", "day"):
        moment = _moment(value)
        if moment is None:
            return lambda _row: True  # the worst of the silent ones: a time it cannot read matches every row
        return lambda row: row[key] is not None and compare(local(column, row[key]), moment)
    if kind == "number":
        try:
            wanted = Decimal(value)
        except InvalidOperation:
            wanted = Decimal(0)  # as the data base reads a word as a number
        return lambda row: row[key] is not None and compare(Decimal(str(row[key])), wanted)
    return lambda row: row[key] is not None and compare(str(row[key]).lower(), value.lower())


def _moment(value):
    """The wall-clock time a text says; what follows it, such as a zone, is ignored."""
    found = MOMENT.match(value)
    if found is None:
        return None
    try:
        return datetime(*(int(part or 0) for part in found.groups()))
    except ValueError:
        return None


def _like(pattern):
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(c, re.escape(c)) for c in pattern), re.IGNORECASE | re.DOTALL)


def _near(text):
    return (
        "You have an error in your SQL syntax; check the manual that corresponds to your MariaDB server version "
        f"for the right syntax to use near '{text}' at line 1"
    )
