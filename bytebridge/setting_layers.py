"""Reads the layers of the configuration, later over earlier, and remembers where each value came from.

What the values mean is left to the model: this knows only its keys. Text of the environment that must be a
list or a table is read as JSON.
"""

import difflib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, takewhile
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bytebridge.errors import SettingsError
from bytebridge.setting_forms import TableOrList, Text

PREFIX = "BYTEBRIDGE_"
TESTS = PREFIX + "TEST_"  # variables of the test suite, which may run beside a checked configuration


@dataclass(frozen=True, slots=True)
class Origin:
    """kind: default, file, env or credential. place: the file's path, the variable's or credential's name."""

    kind: str
    place: str = ""

    def __str__(self) -> str:
        return f"{WORDS.get(self.kind, self.kind)} {self.place}".rstrip()


WORDS = {"env": "environment", "credential": "credential file"}
DEFAULT = Origin("default")


@dataclass(frozen=True, slots=True)
class Layers:
    """table: everything given, as in the file. origins: by dotted key. problems: what no model sees."""

    table: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def origin(self, parts: tuple[str, ...]) -> Origin:
        """Of the key, else of the nearest table around it that was given, else of something inside it."""
        named = tuple(takewhile(lambda part: not part.isdecimal(), parts))  # an item shares its list's origin
        around = (".".join(named[:length]) for length in range(len(named), 0, -1))
        inside = (known for known in self.origins if known.startswith(".".join(named) + "."))
        found = next((key for key in chain(around, inside) if key in self.origins), None)
        return self.origins[found] if found else DEFAULT


Key = tuple[str, ...]


def keys(model: type[BaseModel], above: Key = ()) -> Iterator[tuple[Key, bool]]:
    """Every key, tables before what is in them, and whether its text in the environment is JSON."""
    for name, info in model.model_fields.items():
        key = (*above, info.alias or name)
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield key, True
            yield from keys(annotation, key)
        else:
            yield key, get_origin(annotation) is list
            yield from (((*key, part), False) for part in _parts(info))


def _parts(info: FieldInfo) -> Iterator[str]:
    for mark in info.metadata:
        if isinstance(mark, TableOrList):
            yield from mark.keys


def differing(before: BaseModel, after: BaseModel, above: Key = ()) -> Iterator[str]:
    """Dotted keys whose values differ, secrets' too."""
    for name, info in type(before).model_fields.items():
        key, one, other = (*above, info.alias or name), getattr(before, name), getattr(after, name)
        if isinstance(one, BaseModel):
            yield from differing(one, other, key)
        elif one != other:
            yield ".".join(key)


def variable(key: Key) -> str:
    return PREFIX + "__".join(key).upper()


def read(model: type[BaseModel], path: Path | None, environ: Mapping[str, str]) -> Layers:
    """All layers but the defaults. SettingsError when the file cannot be read at all."""
    layers = Layers()
    if path is not None:
        table = _read_file(path)
        layers.table.update(table)
        layers.origins.update((".".join(key), Origin("file", str(path))) for key in _leaves(table, ()))
    known = {variable(key): (key, as_json) for key, as_json in keys(model)}
    for name, text, origin in [*_environment(environ), *_credentials(environ, layers)]:
        if name in known:
            _put(layers, *known[name], text, origin)
        else:
            layers.problems.append(f"{origin.place}: {WORDS[origin.kind]}: no such key{_near(name, known)}")
    return layers


def missing_secrets(table: Mapping[str, Any], secrets: Iterable[str]) -> list[str]:
    """A line for each of these dotted secrets that was not given although its system is configured."""
    missing: list[str] = []
    for dotted in secrets:
        section, key = dotted.split(".")
        part = table.get(section)
        part = part if isinstance(part, Mapping) else {}
        configured = part.get("host") and part.get("username") if section == "smtp" else part.get("url")
        if configured and not part.get(key):
            name = variable((section, key))
            missing.append(f"{dotted}: missing: expected: a secret in {name} or in a credential file {name.lower()}")
    return missing


def _near(name: str, known: Mapping[str, Any]) -> str:
    flat = {key.replace("_", ""): key for key in known}  # one underscore for two is the commonest slip
    near = difflib.get_close_matches(name.replace("_", ""), flat, 1, 0.8)
    return f"; did you mean {flat[near[0]]}?" if near else "; `bytebridge config show` lists all"


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read ({error.strerror}): name another with --config FILE"]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([f"{path}: expected: UTF-8 text, byte {error.start} is not"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: expected: valid TOML: {' '.join(str(error).split())}"]) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, lists nested without end
        raise SettingsError([f"{path}: expected: TOML without figures or nesting beyond all measure"]) from None


def _leaves(table: Mapping[str, Any], above: Key) -> Iterator[Key]:
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name)


def _environment(environ: Mapping[str, str]) -> Iterator[tuple[str, str, Origin]]:
    """Wide variables before narrow ones, so that one key given alone wins over its table."""
    ours = (name for name in environ if name.startswith(PREFIX) and not name.startswith(TESTS))
    for name in sorted(ours, key=lambda name: (name.count("__"), name)):
        if name != PREFIX + "CONFIG":
            yield name, environ[name], Origin("env", name)


def _credentials(environ: Mapping[str, str], layers: Layers) -> Iterator[tuple[str, str, Origin]]:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return
    try:
        files = sorted(path for path in Path(folder).iterdir() if path.name.startswith(PREFIX.lower()))
    except OSError as error:
        layers.problems.append(f"CREDENTIALS_DIRECTORY: environment: cannot be read ({error.strerror})")
        return
    for path in files:
        try:
            # files end in the newline an editor leaves there, keys do not
            text = path.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            layers.problems.append(f"{path.name}: credential file: cannot be read ({error.strerror})")
        except UnicodeDecodeError:
            layers.problems.append(f"{path.name}: credential file: expected: UTF-8 text")
        else:
            yield path.name.upper(), text, Origin("credential", path.name)


def _put(layers: Layers, key: Key, as_json: bool, text: str, origin: Origin) -> None:
    value: Any = Text(text)
    if as_json:
        try:
            value = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError):
            layers.problems.append(f"{'.'.join(key)}: {origin}: expected: JSON, such as {_example(key)}")
            return
    table: Any = layers.table
    for part in key[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):  # the model will say what is wrong with it, unless it is a list of tables
            if isinstance(table, list):
                layers.problems.append(f"{'.'.join(key)}: {origin}: expected: the whole list as JSON in its variable")
            return
    _merge(layers, table, key, value, origin)


def _merge(layers: Layers, table: dict[str, Any], key: Key, value: Any, origin: Origin) -> None:
    """Tables are laid over what stands there key by key, anything else replaces it."""
    name, old = key[-1], table.get(key[-1])
    if isinstance(value, dict):
        inner = table[name] = old if isinstance(old, dict) else {}
        if not value:
            layers.origins.setdefault(".".join(key), origin)
        for part, item in value.items():
            _merge(layers, inner, (*key, part), item, origin)
        return
    below = ".".join(key) + "."
    for known in [known for known in layers.origins if known.startswith(below)]:
        del layers.origins[known]
    table[name] = value
    layers.origins[".".join(key)] = origin


def _example(key: Key) -> str:
    return '["one", "two"]' if len(key) > 1 and key[0] != "tariff" else '{"key": "value"} or [{"key": "value"}]'
