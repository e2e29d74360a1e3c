"""Says in one line each what is wrong with a configuration, without showing any value."""

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bytebridge.setting_layers import Layers


def problems(error: ValidationError, model: type[BaseModel], layers: Layers) -> list[str]:
    """One line a mistake: the key, where its value stands, what is expected there."""
    lines: dict[str, None] = {}
    for item in error.errors(include_url=False, include_input=False):
        parts = tuple(str(part) for part in item["loc"])
        expected = "no such key" + _suggestion(model, parts) if item["type"] == "extra_forbidden" else _expected(item)
        lines[f"{'.'.join(parts)}: {layers.origin(parts)}: {expected}"] = None
    return list(lines)


EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "model_type": "a table",
    "dict_type": "a table",
    "missing": "a value, and there is none",
    "too_short": "at least one",
    "string_too_short": "some text",
}


def _expected(item: ErrorDetails) -> str:
    """What a mistake's place should hold; the library's own words for the rest, which name no value."""
    limits = item.get("ctx", {})
    match item["type"]:
        case "literal_error":
            known = f"one of {limits['expected']}"
        case "greater_than_equal":
            known = f"a whole number, at least {limits['ge']}"
        case "less_than_equal":
            known = f"a whole number, at most {limits['le']}"
        case kind:
            known = EXPECTED.get(kind) or item["msg"].removeprefix("Value error, ")
    return f"expected: {known}"


def _suggestion(model: Any, parts: tuple[str, ...]) -> str:
    for part in parts[:-1]:
        model = getattr(model.model_fields.get(part), "annotation", None)
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return ""
    names = [info.alias or name for name, info in model.model_fields.items()]
    near = difflib.get_close_matches(parts[-1], names, 1)
    return f"; did you mean {near[0]}?" if near else ""
