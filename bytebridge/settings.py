"""The configuration: one frozen model, built at the start and handed down in parts.

Layers, later ones win: defaults here, a TOML file, the environment, files in $CREDENTIALS_DIRECTORY. Nobody
else reads the environment. What each key means to a user stands in `config/bytebridge.toml`.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bytebridge.errors import SettingsError
from bytebridge.setting_forms import (
    Cron,
    Email,
    Flag,
    Host,
    Listen,
    Moment,
    Natural,
    OfficeHours,
    Pattern,
    Port,
    Positive,
    Price,
    QuietBefore,
    Reference,
    Secret,
    Site,
    StoreUrl,
    TableOrList,
    Whole,
    Zone,
    each_once,
)
from bytebridge.setting_layers import PREFIX, Layers, Origin, missing_secrets, read
from bytebridge.setting_problems import problems

SECRETS = ("helpdesk.api_key", "shop.api_key", "erp.api_key", "smtp.password")  # without which no daemon works
DEFAULT_FILES = (Path("/etc/bytebridge/bytebridge.toml"), Path("bytebridge.toml"))
SYSTEM_STATE = Path("/var/lib/bytebridge")
NO_SECRET = SecretStr("")
Kind = Literal["", "consultation", "intervention", "upgrade", "quote", "module", "free"]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class StoreSettings(Section):
    url: StoreUrl = ""


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
    api_key: Secret = NO_SECRET
    message_api_key: Secret = NO_SECRET
    agent: Email = ""
    reply_as: Literal["reply", "note", "email"] = "reply"
    poll_interval: Positive = 60
    time_zone: Zone = "UTC"
    fields: Fields = Fields()
    kinds: Kinds = Kinds()
    default_kind: Kind = ""
    departments: list[str] = []
    restore_status: Flag = True
    note_reviews: Flag = True
    requests_per_minute: Positive = 60
    since: Moment = None
    ca_file: str = ""


class ShopSettings(Section):
    url: Site = ""
    api_key: Secret = NO_SECRET
    key_in_query: Flag = False
    poll_interval: Positive = 300
    time_zone: Zone = "Europe/Madrid"
    paid_states: list[Whole] = []
    taken_back_states: list[Whole] = [6, 7, 8]
    since: Moment = None
    requests_per_minute: Positive = 60
    ca_file: str = ""


class ErpSettings(Section):
    url: Site = ""
    api_key: Secret = NO_SECRET
    poll_interval: Positive = 300
    time_zone: Zone = "Europe/Madrid"
    read_invoices: Flag = True
    write_back: Flag = True
    share_company: Flag = False
    balance_field: str = "credit_balance"
    since: Moment = None
    take_back_after: Natural = 24
    shop_reference: Pattern = ""
    requests_per_minute: Positive = 60
    ca_file: str = ""


class PackSettings(Section):
    reference: Reference
    credits: Positive | None = None
    url: str = ""
    price: Price | None = None
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
    reference: Reference
    support_days: Positive = 365


class RateSettings(Section):
    minimum: Natural | None = None
    block: Positive | None = None
    flat: Natural | None = None
    valid_from: Moment = None

    @model_validator(mode="after")
    def _one_form(self) -> "RateSettings":
        if self.flat is None and (self.block is None or self.minimum is None):
            raise ValueError("flat, or minimum and block")
        if self.flat is not None and (self.block is not None or self.minimum is not None):
            raise ValueError("either flat or minimum and block, not both")
        return self


TARIFF = {
    "consultation": {"minimum": 15, "block": 15},
    "intervention": {"minimum": 45, "block": 15},
    "upgrade": {"flat": 120},
}


def _rates(value: Any, info: ValidationInfo) -> Any:
    """One table is a list of one. What a rate in blocks leaves out stays as built in, and the built-in rate
    holds before the first date.
    """
    built_in = TARIFF[str(info.field_name)]
    rates = [value] if isinstance(value, Mapping | RateSettings) else value
    if not isinstance(rates, list) or not all(isinstance(rate, Mapping | RateSettings) for rate in rates):
        return rates
    filled = [_filled(rate, built_in) for rate in rates]
    dated = [rate.get("valid_from") if isinstance(rate, Mapping) else rate.valid_from for rate in filled]
    return [built_in, *filled] if filled and all(day not in (None, "") for day in dated) else filled


def _filled(rate: Any, built_in: Mapping[str, int]) -> Any:
    if isinstance(rate, Mapping) and "flat" not in {**rate, **built_in}:
        return {**built_in, **rate}
    return rate


Rates = Annotated[
    list[RateSettings],
    TableOrList(RateSettings.model_fields),
    BeforeValidator(_rates),
    Field(min_length=1, validate_default=True),
]


class TariffSettings(Section):
    """Per kind its rates, which differ in valid_from."""

    consultation: Rates = [RateSettings(minimum=15, block=15)]
    intervention: Rates = [RateSettings(minimum=45, block=15)]
    upgrade: Rates = [RateSettings(flat=120)]

    @field_validator("*")
    @classmethod
    def _one_rate_a_day(cls, rates: list[RateSettings]) -> list[RateSettings]:
        if len({rate.valid_from for rate in rates}) < len(rates):
            raise ValueError("rates that differ in valid_from")
        return rates


class NoticeSettings(Section):
    language: Literal["es", "fr", "en"] = "es"
    low_balance: Natural = 30
    from_: Email = Field(default="", alias="from")
    time_zone: Zone = "Europe/Madrid"
    office_hours: OfficeHours = "mon-fri 09:00-18:00"
    quiet_before: QuietBefore = "creation"
    only_to: list[Email] = []
    staff: Email = ""
    module_ending_days: Natural = 0
    recheck_after: Natural = 60
    statement_words: list[str] = ["saldo", "informe de créditos", "solde", "relevé", "balance", "statement"]
    strangers: Flag = False
    templates: str = ""


class SmtpSettings(Section):
    host: Host = ""
    port: Port = 587
    username: str = ""
    password: Secret = NO_SECRET
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str = ""


class ServiceSettings(Section):
    listen: Listen = "127.0.0.1:9464"
    reconcile_at: Cron = "30 3 * * *"


class LoggingSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["", "json", "console"] = ""


class Settings(BaseSettings):
    """The whole configuration, checked. Secrets are SecretStr; an empty one was not given.

    Its one source is what `setting_layers` has read: the library's own sources stop at the first variable that is
    no JSON, and forget where a value came from.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  (the library's signature)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what was read: nothing is taken from the environment behind our back."""
        return (init_settings,)

    store: StoreSettings = StoreSettings()
    helpdesk: HelpdeskSettings = HelpdeskSettings()
    shop: ShopSettings = ShopSettings()
    erp: ErpSettings = ErpSettings()
    packs: Annotated[list[PackSettings], AfterValidator(each_once)] = []
    modules: list[ModuleSettings] = []
    tariff: TariffSettings = TariffSettings()
    notices: NoticeSettings = NoticeSettings()
    smtp: SmtpSettings = SmtpSettings()
    service: ServiceSettings = ServiceSettings()
    logging: LoggingSettings = LoggingSettings()


@dataclass(frozen=True, slots=True)
class Effective:
    """One key as it holds: its value ready for JSON, secrets as `***`, and where that came from."""

    key: str
    value: Any
    origin: Origin


def find_file(given: str | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The TOML file to read: the one given, else $BYTEBRIDGE_CONFIG, else the first default that exists."""
    named = given or environ.get(PREFIX + "CONFIG")
    # lexists: a file that may not be read must be complained of, not passed over
    return Path(named) if named else next((path for path in DEFAULT_FILES if os.path.lexists(path)), None)


def load(given: str | None = None, environ: Mapping[str, str] = os.environ, secrets: Sequence[str] = ()) -> Settings:
    """The checked configuration. SettingsError names every mistake, and no value that may be secret.

    secrets: those that `need` asks for, where nothing is to be done without them.
    """
    layers = read(Settings, find_file(given, environ), environ)
    missing = missing_secrets(layers.table, secrets)
    try:
        settings = Settings.model_validate(layers.table)
    except ValidationError as error:
        raise SettingsError(layers.problems + problems(error, Settings, layers) + missing) from None
    if wrong := layers.problems + _lost_files(settings, layers) + missing:
        raise SettingsError(wrong)
    return settings


def _lost_files(settings: Settings, layers: Layers) -> list[str]:
    """Files and folders that are named and not there: better said now than at the first letter."""
    named = [
        (("helpdesk", "ca_file"), settings.helpdesk.ca_file, os.path.isfile, "a file"),
        (("shop", "ca_file"), settings.shop.ca_file, os.path.isfile, "a file"),
        (("erp", "ca_file"), settings.erp.ca_file, os.path.isfile, "a file"),
        (("smtp", "ca_file"), settings.smtp.ca_file, os.path.isfile, "a file"),
        (("notices", "templates"), settings.notices.templates, os.path.isdir, "a folder"),
    ]
    return [
        f"{'.'.join(key)}: {layers.origin(key)}: expected: {kind} that exists"
        for key, value, is_there, kind in named
        if value and not is_there(value)
    ]


def need(settings: Settings, *secrets: str) -> None:
    """SettingsError unless each of these dotted secrets was given, where its system is configured at all.

    smtp.password is needed only together with smtp.username.
    """
    if missing := missing_secrets(settings.model_dump(), secrets):
        raise SettingsError(missing)


def origins(path: Path | None, environ: Mapping[str, str] = os.environ) -> dict[str, Origin]:
    """Where each value that is no default comes from, by dotted key. SettingsError for an unreadable file."""
    return read(Settings, path, environ).origins


def effective(settings: Settings, given: Mapping[str, Origin]) -> list[Effective]:
    """Every key in the model's order, for `config show`."""
    layers = Layers(origins=dict(given))
    flat = _flat(settings.model_dump(mode="json", by_alias=True), ())
    return [Effective(".".join(key), value, layers.origin(key)) for key, value in flat]


def _flat(table: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, (*above, name))
        else:
            yield (*above, name), value


def secret_values(settings: Settings) -> list[str]:
    """Every secret there is, for the masks of logs and errors; the password in the store's URL is one."""
    password = re.match(r"[^/]*//[^/@:]*:(.*)@", settings.store.url)
    given = [
        settings.helpdesk.api_key,
        settings.helpdesk.message_api_key,
        settings.shop.api_key,
        settings.erp.api_key,
        settings.smtp.password,
    ]
    values = [secret.get_secret_value() for secret in given]
    if password:
        values += {password[1], unquote(password[1])}  # a driver's error may tell it as the server knows it
    return [value for value in values if value]


def state_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Where an SQLite store and its side file live; no access is the caller's error, never another place."""
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    if os.path.lexists(SYSTEM_STATE):
        return SYSTEM_STATE
    base = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "bytebridge"


def store_url(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    return settings.store.url or f"sqlite:///{state_directory(environ) / 'bytebridge.db'}"
