"""Planted secrets, and the search for them in whatever a program put out.

`canaries` are values to configure as secrets; `leaks` says which of them a text gives away, in any form in
which a header, an address, a Python repr or JSON would carry it.
"""

import base64
import json
import re
import secrets
from urllib.parse import quote, quote_plus

NAMES = ("helpdesk.api_key", "helpdesk.message_api_key", "shop.api_key", "erp.api_key", "smtp.password")
AWKWARD = 'ü&"/'  # written differently in every form
FIRST = "ca9a7e"  # every planted key begins with it
heard = []  # what the programs and letters of the present test said
# planted keys, plain and in a Basic header, and those that the simulators take when a test gives none
MARK = re.compile(
    rf"{FIRST}[0-9a-f]{{26}}|Y2E5YTdl[A-Za-z0-9+/]{{20}}|canary-[a-z_.]+-[0-9a-f]{{16}}|Y2FuYXJ5[A-Za-z0-9+/]{{20}}"
    r"|EXAMPLEKEYREADALL0{12}1|erp-0123456789abcdef"
)


def key() -> str:
    """A secret of 32 characters, which every simulated system takes."""
    return FIRST + secrets.token_hex(13)


def canaries() -> dict[str, str]:
    """A fresh secret for each dotted key."""
    return {name: f"canary-{name}-{secrets.token_hex(8)}{AWKWARD}" for name in NAMES}


def environment(planted: dict[str, str]) -> dict[str, str]:
    """The variables that hand these secrets to the program."""
    return {f"BYTEBRIDGE_{name.replace('.', '__').upper()}": value for name, value in planted.items()}


def leaks(text: str, planted: dict[str, str]) -> list[str]:
    """Names of the secrets that appear in `text`."""
    return [name for name, value in planted.items() if any(form in text for form in _forms(value))]


def _forms(value: str) -> set[str]:
    encoded = {base64.b64encode(pair.encode()).decode() for pair in (value, f"{value}:")}
    plain = {value, quote(value), quote(value, safe=""), quote_plus(value), ascii(value)[1:-1]}
    return plain | {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]} | encoded
