"""Planted secrets, and the search for them in whatever a program put out.

`canaries` are values to configure as secrets; `leaks` says which of them a text gives away, in any form in
which a header, an address, a Python repr or JSON would carry it.
"""

import base64
import json
import secrets
from urllib.parse import quote, quote_plus

NAMES = ("helpdesk.api_key", "helpdesk.message_api_key", "shop.api_key", "erp.api_key", "smtp.password")
AWKWARD = 'ü&"/'  # written differently in every form


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
