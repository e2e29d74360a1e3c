"""The configuration: one frozen model, built at the start and handed down in parts.

Layers, later ones win: defaults here, a TOML file, the environment, files in $CREDENTIALS_DIRECTORY. Nobody else
reads the environment. What each key means to a user stands in `config/bytebridge.toml`.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bytebridge.errors import SettingsError

PREFIX = "BYTEBRIDGE_"
DEFAULT_FILES = (Path("/etc/bytebridge/bytebridge.toml"), Path("bytebridge.toml"))


def _site(value: str) -> str:
    if value and not re.match(r"https?://[^/\s@?#]+", value):
        raise ValueError("the site's root, such as https://desk.example.com")
    if re.search(r"/api(/|$)", value):
        raise ValueError("the site's root, without /api…")
    return value.rstrip("/")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError) as error:
        raise ValueError("a time zone such as Europe/Madrid") from error
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from error
    return value


def _moment(value: Any) -> Any:
    """ISO 8601 text or a TOML date; without a zone it is UTC. Empty text means None."""
    if value == "":
        return None
    if hasattr(value, "isoformat"):
        value = value.isoformat()
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError("an ISO 8601 date or time such as 2026-01-31 or 2026-01-31T09:00:00+01:00") from error
        return int((moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("UTC"))).timestamp())
    return value


Site = Annotated[str, AfterValidator(_site)]
Zone = Annotated[str, AfterValidator(_zone)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Moment = Annotated[int | None, BeforeValidator(_moment)]
Email = Annotated[str, Field(pattern=r"^$|^[^@\s<>,;]+@[^@\s<>,;]+$")]
NO_SECRET = SecretStr("")


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class StoreSettings(Section):
    url: str = ""


class Fields(Section):
    minutes: str = "minutos"
    credits: str = "creditos"
    kind: str = "tipotrabajo"


class Kinds(Section):
    """Tag names and field values of each kind, compared without case and accents."""

    consultation: list[str] = ["consulta", "consultation", "question"]
    intervention: list[str] = ["intervención", "intervention"]
    upgrade: list[str] = ["actualización", "mise à jour", "mise à niveau", "upgrade"]
    quote: list[str] = ["presupuesto", "devis", "quote"]
    module: list[str] = ["módulo", "module"]
    free: list[str] = ["no facturable", "nofacturable", "gratis", "gratuit", "free", "non facturable"]
    statement: list[str] = ["informe de créditos", "relevé de crédits", "credit statement"]


class HelpdeskSettings(Section):
    url: Site = ""
    api_key: SecretStr = NO_SECRET
    message_api_key: SecretStr = NO_SECRET
    agent: Email = ""
    reply_as: Literal["reply", "note", "email"] = "reply"
    poll_interval: PositiveInt = 60
    time_zone: Zone = "UTC"
    fields: Fields = Fields()
    kinds: Kinds = Kinds()
    default_kind: Literal["", "consultation", "intervention", "upgrade", "quote", "module", "free"] = ""
    departments: list[str] = []
    restore_status: bool = True
    note_reviews: bool = True
    requests_per_minute: PositiveInt = 60
    since: Moment = None
    ca_file: str = ""


class ShopSettings(Section):
    url: Site = ""
    api_key: SecretStr = NO_SECRET
    key_in_query: bool = False
    poll_interval: PositiveInt = 300
    time_zone: Zone = "Europe/Madrid"
    paid_states: list[int] = []
    taken_back_states: list[int] = [6, 7, 8]
    since: Moment = None
    requests_per_minute: PositiveInt = 60
    ca_file: str = ""


class ErpSettings(Section):
    url: Site = ""
    api_key: SecretStr = NO_SECRET
    poll_interval: PositiveInt = 300
    time_zone: Zone = "Europe/Madrid"
    read_invoices: bool = True
    write_back: bool = True
    share_company: bool = False
    balance_field: str = "credit_balance"
    since: Moment = None
    take_back_after: NonNegativeInt = 24
    shop_reference: Pattern = ""
    requests_per_minute: PositiveInt = 60
    ca_file: str = ""


class PackSettings(Section):
    reference: Pattern
    credits: PositiveInt | None = None
    url: str = ""
    price: Decimal | None = None
    valid_from: Moment = None

    @model_validator(mode="after")
    def _credits_from_one_place(self) -> "PackSettings":
        groups = re.compile(self.reference).groups
        if self.credits is None and groups != 1:
            raise ValueError("credits, or a reference with one group that is the credits")
        if self.credits is not None and groups > 0:
            raise ValueError("either credits or a group in the reference, not both")
        return self


class ModuleSettings(Section):
    reference: Pattern
    support_days: PositiveInt = 365


class RateSettings(Section):
    minimum: NonNegativeInt | None = None
    block: PositiveInt | None = None
    flat: NonNegativeInt | None = None
    valid_from: Moment = None

    @model_validator(mode="after")
    def _one_form(self) -> "RateSettings":
        if self.flat is None and (self.block is None or self.minimum is None):
            raise ValueError("flat, or minimum and block")
        if self.flat is not None and (self.block is not None or self.minimum is not None):
            raise ValueError("either flat or minimum and block, not both")
        return self


def _rates(value: Any) -> Any:
    return [value] if isinstance(value, Mapping) else value


Rates = Annotated[list[RateSettings], BeforeValidator(_rates), Field(min_length=1)]


class TariffSettings(Section):
    """Per kind one rate, or a list of rates that differ in valid_from."""

    consultation: Rates = [RateSettings(minimum=15, block=15)]
    intervention: Rates = [RateSettings(minimum=45, block=15)]
    upgrade: Rates = [RateSettings(flat=120)]


class NoticeSettings(Section):
    language: Literal["es", "fr", "en"] = "es"
    low_balance: NonNegativeInt = 30
    from_: Email = Field(default="", alias="from")
    time_zone: Zone = "Europe/Madrid"
    office_hours: Annotated[str, Field(pattern=r"^$|^[a-z]{3}(-[a-z]{3})? \d\d:\d\d-\d\d:\d\d$")] = "mon-fri 09:00-18:00"
    quiet_before: Moment | Literal["creation"] = "creation"
    only_to: list[Email] = []
    staff: Email = ""
    module_ending_days: NonNegativeInt = 0
    recheck_after: NonNegativeInt = 60
    statement_words: list[str] = ["saldo", "informe de créditos", "solde", "relevé", "balance", "statement"]
    strangers: bool = False
    templates: str = ""


class SmtpSettings(Section):
    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    username: str = ""
    password: SecretStr = NO_SECRET
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str = ""


class ServiceSettings(Section):
    listen: Annotated[str, Field(pattern=r"^$|^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$")] = "127.0.0.1:9464"
    reconcile_at: str = "30 3 * * *"


class LoggingSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["", "json", "console"] = ""


class Settings(BaseSettings):
    """The whole configuration, checked. Secrets are SecretStr; an empty one was not given."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    store: StoreSettings = StoreSettings()
    helpdesk: HelpdeskSettings = HelpdeskSettings()
    shop: ShopSettings = ShopSettings()
    erp: ErpSettings = ErpSettings()
    packs: list[PackSettings] = []
    modules: list[ModuleSettings] = []
    tariff: TariffSettings = TariffSettings()
    notices: NoticeSettings = NoticeSettings()
    smtp: SmtpSettings = SmtpSettings()
    service: ServiceSettings = ServiceSettings()
    logging: LoggingSettings = LoggingSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (the library's signature)
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Credentials before environment before file; the file arrives as keyword arguments."""
        sources: list[PydanticBaseSettingsSource] = []
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        if directory:
            sources.append(
                NestedSecretsSettingsSource(
                    file_secret_settings,
                    secrets_dir=directory,
                    secrets_prefix=PREFIX.lower(),
                    secrets_nested_delimiter="__",
                )
            )
        return (*sources, env_settings, init_settings)


def find_file(given: str | None) -> Path | None:
    """The TOML file to read: the one given, else $BYTEBRIDGE_CONFIG, else the first default that exists."""
    named = given or os.environ.get(PREFIX + "CONFIG")
    if named:
        return Path(named)
    return next((path for path in DEFAULT_FILES if path.is_file()), None)


def load(given: str | None = None) -> Settings:
    """The checked configuration. SettingsError names every mistake at once, never a value that may be secret."""
    path = find_file(given)
    table: dict[str, Any] = {}
    if path is not None:
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError([f"{path}: cannot be read ({error.strerror}): give --config FILE"]) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError([f"{path}: not valid TOML: {error}"]) from error
    problems = unknown_variables()
    try:
        settings = Settings(**table)
    except ValidationError as error:
        raise SettingsError(problems + _problems(error, table, path)) from None
    except ValueError as error:  # an environment variable that should hold JSON
        raise SettingsError([*problems, str(error).splitlines()[0]]) from None
    if problems:
        raise SettingsError(problems)
    return settings


def unknown_variables() -> list[str]:
    """One line for each BYTEBRIDGE_ variable that names no key: a misspelt secret must not pass unnoticed."""
    known = {PREFIX + "CONFIG"}
    for name, field in Settings.model_fields.items():
        known.add(f"{PREFIX}{name.upper()}")
        known |= _variables(f"{PREFIX}{name.upper()}", field.annotation)
    return [
        f"environment: {name}: no such key; see `bytebridge config show` for all of them"
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and not name.startswith(PREFIX + "TEST_") and name not in known
    ]


def _variables(prefix: str, annotation: Any) -> set[str]:
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return set()
    names: set[str] = set()
    for name, field in annotation.model_fields.items():
        variable = f"{prefix}__{(field.alias or name).upper()}"
        names |= {variable} | _variables(variable, field.annotation)
    return names


def _problems(error: ValidationError, table: Mapping[str, Any], path: Path | None) -> list[str]:
    lines: dict[str, None] = {}
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        parts = [str(part) for part in item["loc"]]
        key = ".".join(parts)
        place = str(path) if path is not None and _in_table(parts, table) else origin_of(parts)
        expected = "no such key" if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
        lines[f"{key}: {place}: {'' if expected == 'no such key' else 'expected: '}{expected}"] = None
    return list(lines)


def _in_table(parts: list[str], table: Any) -> bool:
    variable = PREFIX + "__".join(parts).upper()
    if variable in os.environ:
        return False
    for part in parts:
        if isinstance(table, Mapping) and part in table:
            table = table[part]
        elif isinstance(table, list) and part.isdecimal() and int(part) < len(table):
            table = table[int(part)]
        else:
            return isinstance(table, Mapping | list) and part is parts[-1] and part is not parts[0]
    return True


def origin_of(parts: list[str]) -> str:
    """Where an environment or credential value for this key comes from: the variable's or the file's name."""
    variable = PREFIX + "__".join(parts).upper()
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if directory and (Path(directory) / variable.lower()).is_file():
        return f"credential {variable.lower()}"
    return f"environment {variable}"


def need(settings: Settings, *secrets: str) -> None:
    """SettingsError unless each of these dotted secrets was given, where its system is configured at all."""
    problems = []
    for dotted in secrets:
        section, key = dotted.split(".")
        value = getattr(getattr(settings, section), key)
        configured = getattr(settings, section).url if section != "smtp" else settings.smtp.host
        if configured and not value.get_secret_value():
            variable = f"{PREFIX}{section.upper()}__{key.upper()}"
            problems.append(f"{dotted}: missing: set {variable}, or a credential file {variable.lower()}")
    if problems:
        raise SettingsError(problems)


def state_directory() -> Path:
    """Where an SQLite store and the store's side file live; no access is an error of the caller, never another place."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    system = Path("/var/lib/bytebridge")
    if system.exists():
        return system
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "bytebridge"


def store_url(settings: Settings) -> str:
    return settings.store.url or f"sqlite:///{state_directory() / 'bytebridge.db'}"


