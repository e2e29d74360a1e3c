"""The query grammar of a PrestaShop's webservice: filters, sort, display and limit, with their traps."""

import re

from bytebridge.sandbox.prestashop_fields import ASSOCIATIONS, DATES, FIELDS, INTEGERS, ZERO_DATE, is_money


class Refusal(Exception):
    """An answer that ends a request: status and the webservice's own error codes."""

    def __init__(self, status, *codes, redirect=False):
        super().__init__(status)
        self.status, self.codes, self.redirect = status, codes, redirect


def condition(request, resource, field, value):
    """One condition: its field, the ids it allows where that is known, and the test."""
    allowed = field in FIELDS[resource] and (field not in DATES or request.arg("date") == "1")
    if not allowed:
        raise Refusal(500, 32)
    match = re.fullmatch(r"(.*?)\[(.*)\](.*)", value, re.DOTALL)
    if match is None:
        return field, [value], _equals(resource, field, [value])
    before, inner, after = match.groups()
    if "%" in (before, after):
        inner = inner.lower()
        test = {
            ("%", "%"): lambda row: inner in str(row[field]).lower(),
            ("%", ""): lambda row: str(row[field]).lower().endswith(inner),
            ("", "%"): lambda row: str(row[field]).lower().startswith(inner),
        }.get((before, after))
        if test is None:
            raise Refusal(500, 33)
        return field, None, test
    if after:
        raise Refusal(500, 33)
    if before:
        return field, *_compared(resource, field, before, inner)
    if "|" in inner:
        return field, inner.split("|"), _equals(resource, field, inner.split("|"))
    span = re.fullmatch(r"([\d.:\-\s]+),([\d.:\-\s]+)", inner)
    if span:
        low, high = sorted(comparable(resource, field, end) for end in span.groups())
        return field, None, lambda row: low <= comparable(resource, field, row[field]) <= high
    return field, [inner], _equals(resource, field, [inner])


def sort_keys(request, resource):
    """Fields to order by, each with whether it descends; none: no order at all."""
    text = request.arg("sort")
    if not text:
        return []
    keys = []
    for part in text.strip("[]").split(","):
        match = re.fullmatch(r"(\w+)_(ASC|DESC)", part)
        if match is None:
            raise Refusal(500, 37)
        field, direction = match.groups()
        if field not in FIELDS[resource] or (field in DATES and request.arg("date") != "1"):
            raise Refusal(500, 38)
        keys.append((field, direction == "DESC"))
    return keys


def displayed(text, resource):
    """Own fields, and by association the fields of its parts."""
    parts = {name: fields for (owner, name), fields in ASSOCIATIONS.items() if owner == resource}
    if not text or text == "minimum":
        return {"id"}, {}
    if text == "full":
        return set(FIELDS[resource]), parts
    if not re.fullmatch(r"\[(\w+(\[[\w,]+\])?)(,\w+(\[[\w,]+\])?)*\]", text):
        raise Refusal(500, 36)
    own, shown = set(), {}
    for name, inner in re.findall(r"(\w+)(?:\[([\w,]+)\])?", text[1:-1]):
        if inner:
            if name not in parts or not set(inner.split(",")) <= set(parts[name]):
                raise Refusal(500, 35)
            shown[name] = tuple(field for field in parts[name] if field in inner.split(","))
        elif name in FIELDS[resource]:
            own.add(name)
        else:
            raise Refusal(500, 35)
    return own, shown


def comparable(resource, field, value):
    if field == "id" or field in INTEGERS.get(resource, ()) or is_money(field) or field in ("valid", "paid"):
        try:
            return float(value or 0)
        except ValueError:
            return 0.0  # as the database reads a word as a number
    text = str("" if value is None else value).lower()
    if (field in DATES or field.endswith("_date")) and re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return text + ZERO_DATE[10:]
    return text


def _equals(resource, field, values):
    wanted = {comparable(resource, field, value) for value in values}
    return lambda row: comparable(resource, field, row[field]) in wanted


def _compared(resource, field, sign, inner):
    limit = comparable(resource, field, inner)
    match sign:
        case ">":
            hint = (int(inner),) if field == "id" and inner.lstrip("-").isdecimal() else None
            return hint, lambda row: comparable(resource, field, row[field]) > limit
        case "<":
            return None, lambda row: comparable(resource, field, row[field]) < limit
        case "!":
            return None, lambda row: comparable(resource, field, row[field]) != limit
        case _:
            return None, lambda _row: True  # >= and any other sign: the filter is ignored


def window(text):
    """Start and count; a limit that is no number shows nothing."""
    if text is None:
        return 0, None
    match = re.fullmatch(r"(?:(\d+),)?(\d+)", text)
    return (int(match[1] or 0), int(match[2])) if match else (0, 0)
