"""The frame of every page: templates with escaping on, one style, no network."""

from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("bytebridge.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def fill(template: str, **values: object) -> str:
    """The page made of this template; every value is escaped unless it is Markup."""
    return _environment().get_template(template).render(style=style(), **values)


@lru_cache(maxsize=1)
def style() -> Markup:
    """The style sheet, which each page carries within itself."""
    return asset("style.css")


def asset(name: str) -> Markup:
    """A file of the templates as it is."""
    return Markup((files("bytebridge.reports") / "templates" / name).read_text(encoding="utf-8"))  # nosec B704  # noqa: S704  (our own file)
