"""A letter's values put into its language's templates: subject, plain text, HTML.

One template for each kind and language holds the words once; `ui.txt` and `ui.html` decide how its parts look.
A firm lays a file of the same relative name into its own folder to replace one of them; from there the
original is reached as `built-in/<name>`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import BaseLoader, ChoiceLoader, DictLoader, FileSystemLoader, PrefixLoader, StrictUndefined
from jinja2.exceptions import TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bytebridge.domain.letter import Letter, NoticeKind
from bytebridge.notices.samples import samples
from bytebridge.notices.values import first_upper, values_of
from bytebridge.wording.language import LOCALES, typeset
from bytebridge.wording.plain import one_line

BUILT_IN = Path(__file__).parent / "templates"
LONGEST_SUBJECT = 150
# what a template can run into besides its own mistakes: wrong arithmetic, wrong encoding, no access
FAULTS = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError, OSError)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter ready to go. fallback: what was wrong with the firm's own template, None when nothing was."""

    subject: str
    text: str
    html: str
    fallback: str | None = None


def render(letter: Letter, *, zone: str, overrides: Path | None = None) -> Rendered:
    """The letter in its language; an own template with a fault never keeps a letter back: the built-in ones speak.

    zone: in which days are named. overrides: the firm's folder of own templates.
    """
    fallback = None
    if overrides is not None:
        try:
            return _rendered(letter, zone, _own_and_built_in(overrides))
        except FAULTS as error:
            fallback = _described(error)
    built_in = _rendered(letter, zone, _built_in())
    return Rendered(built_in.subject, built_in.text, built_in.html, fallback)


def faults(overrides: Path) -> list[str]:
    """What is wrong with each own template, one line each: each is tried alone on every letter there is."""
    if not overrides.is_dir():
        return [f"{overrides}: no such folder"]
    found = []
    for path in sorted(path for path in overrides.rglob("*") if path.is_file()):
        name = path.relative_to(overrides).as_posix()
        if (fault := _fault(name, path)) is not None:
            found.append(f"{name}: {fault}")
    return found


def _fault(name: str, path: Path) -> str | None:
    if not (BUILT_IN / name).is_file():
        return "no template has this name"
    try:
        loader = _beside_built_in(DictLoader({name: path.read_text("utf-8")}))
        spoken = [language for language in LOCALES if name.startswith(f"{language}/")]
        for language in spoken or LOCALES:
            for kind in NoticeKind:
                for letter in samples(kind, language).values():
                    _rendered(letter, "UTC", loader)
    except FAULTS as error:
        return _described(error)
    return None


def _described(error: BaseException) -> str:
    if isinstance(error, TemplateSyntaxError):
        return one_line(f"{error.name or 'template'}, line {error.lineno}: {error.message}")
    if isinstance(error, TemplateError):
        return one_line(str(error))
    return one_line(f"{type(error).__name__}: {error}")


def _rendered(letter: Letter, zone: str, loader: BaseLoader) -> Rendered:
    values = values_of(letter, zone)
    language = values["language"]
    name = f"{language}/{letter.kind.value}.j2"

    def laid_out(layout: str, parts: str, *, html: bool = False) -> str:
        template = _environment(loader, language, html=html).get_template(name)
        return template.render({**values, "layout": layout, "ui_file": parts}).strip()

    subject = one_line(typeset(laid_out("subject.txt", "ui.txt"), language), LONGEST_SUBJECT)
    text = re.sub(r"\n{3,}", "\n\n", laid_out("letter.txt", "ui.txt")) + "\n"
    html = laid_out("letter.html", "ui.html", html=True) + "\n"
    # a reply is found again by its code alone: a letter without it might be sent twice
    if letter.code not in text or letter.code not in html:
        raise TemplateError(f"{name}: it does not show the letter's code")
    if not subject or (letter.code and letter.code in subject):
        raise TemplateError(f"{name}: it fills no subject, or ignores its layout")
    return Rendered(subject, text, html)


@lru_cache(maxsize=1)
def _built_in() -> BaseLoader:
    return FileSystemLoader(BUILT_IN)


@lru_cache(maxsize=8)
def _own_and_built_in(overrides: Path) -> BaseLoader:
    return _beside_built_in(FileSystemLoader(overrides))


def _beside_built_in(own: BaseLoader) -> BaseLoader:
    return ChoiceLoader([own, _built_in(), PrefixLoader({"built-in": _built_in()})])


@lru_cache(maxsize=64)
def _environment(loader: BaseLoader, language: str, *, html: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["first_upper"] = first_upper
    environment.filters["flow"] = lambda text: _flow(text, language)
    return environment


def _flow(text: str, language: str) -> str:
    """A paragraph as one line, however its template is broken into lines; markup stays markup."""
    return type(text)(typeset(" ".join(re.split(r"[ \t\n]+", str(text).strip(" \t\n"))), language))
