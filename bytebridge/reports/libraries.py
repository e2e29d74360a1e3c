"""The libraries that draw are an extra: asked for only when something is drawn."""

import importlib
from typing import Any

from bytebridge.errors import Refused


def need(name: str) -> Any:
    """The module of that name; Refused says how to get it where it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise Refused(
            f"drawing needs {name.partition('.')[0]}, which is not installed: pip install bytebridge[reports]"
        ) from error
