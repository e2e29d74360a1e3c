import os
from decimal import Decimal
from pathlib import Path

import pytest

from bytebridge import setting_forms, settings
from bytebridge.errors import SettingsError
from bytebridge.setting_layers import keys, variable

DAY = 1_767_225_600  # 2026-01-01T00:00:00Z


@pytest.fixture
def write(tmp_path):
    def writer(text, name="bytebridge.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return writer


@pytest.fixture
def credentials(tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()

    def plant(**files):
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return {"CREDENTIALS_DIRECTORY": str(folder)}

    return plant


@pytest.fixture(autouse=True)
def no_default_file(monkeypatch):
    monkeypatch.setattr(settings, "DEFAULT_FILES", ())


def env(**values):
    return {f"BYTEBRIDGE_{name}": value for name, value in values.items()}


def problems(given=None, environ=None):
    with pytest.raises(SettingsError) as caught:
        settings.load(given, environ or {})
    return caught.value.problems


PROMISED = {
    "store.url": "",
    "helpdesk.url": "",
    "helpdesk.api_key": "",
    "helpdesk.message_api_key": "",
    "helpdesk.agent": "",
    "helpdesk.reply_as": "reply",
    "helpdesk.poll_interval": 60,
    "helpdesk.time_zone": "UTC",
    "helpdesk.fields.minutes": "minutos",
    "helpdesk.fields.credits": "creditos",
    "helpdesk.fields.kind": "tipotrabajo",
    "helpdesk.default_kind": "",
    "helpdesk.departments": [],
    "helpdesk.restore_status": True,
    "helpdesk.note_reviews": True,
    "helpdesk.requests_per_minute": 60,
    "helpdesk.since": None,
    "shop.url": "",
    "shop.api_key": "",
    "shop.key_in_query": False,
    "shop.poll_interval": 300,
    "shop.time_zone": "Europe/Madrid",
    "shop.paid_states": [],
    "shop.taken_back_states": [6, 7, 8],
    "shop.since": None,
    "shop.requests_per_minute": 60,
    "erp.url": "",
    "erp.api_key": "",
    "erp.poll_interval": 300,
    "erp.time_zone": "Europe/Madrid",
    "erp.read_invoices": True,
    "erp.write_back": True,
    "erp.share_company": False,
    "erp.balance_field": "credit_balance",
    "erp.since": None,
    "erp.take_back_after": 24,
    "erp.shop_reference": "",
    "packs": [],
    "modules": [],
    "tariff.consultation": [{"minimum": 15, "block": 15, "flat": None, "valid_from": None}],
    "tariff.intervention": [{"minimum": 45, "block": 15, "flat": None, "valid_from": None}],
    "tariff.upgrade": [{"minimum": None, "block": None, "flat": 120, "valid_from": None}],
    "notices.language": "es",
    "notices.low_balance": 30,
    "notices.from": "",
    "notices.time_zone": "Europe/Madrid",
    "notices.office_hours": "mon-fri 09:00-18:00",
    "notices.quiet_before": "creation",
    "notices.only_to": [],
    "notices.staff": "",
    "notices.module_ending_days": 0,
    "notices.recheck_after": 60,
    "notices.statement_words": ["saldo", "informe de créditos", "solde", "relevé", "balance", "statement"],
    "notices.strangers": False,
    "notices.templates": "",
    "smtp.host": "",
    "smtp.username": "",
    "smtp.password": "",
    "service.listen": "127.0.0.1:9464",
    "service.reconcile_at": "30 3 * * *",
}


@pytest.mark.parametrize(("key", "value"), PROMISED.items(), ids=PROMISED)
def test_promised_default(key, value):
    shown = {item.key: item.value for item in settings.effective(settings.load(None, {}), {})}
    assert shown[key] == value


def test_nothing_given_is_a_valid_configuration_without_systems():
    loaded = settings.load(None, {})
    assert not any((loaded.helpdesk.url, loaded.shop.url, loaded.erp.url, loaded.smtp.host))


def test_layers_win_in_their_order(write, credentials):
    path = write(
        '[shop]\nurl = "https://file.example.com"\npoll_interval = 10\napi_key = "from-file"\ntime_zone = "UTC"'
    )
    environ = env(SHOP__POLL_INTERVAL="20", SHOP__API_KEY="from-env") | credentials(
        bytebridge_shop__api_key=b"from-credential\n"
    )
    loaded = settings.load(path, environ)
    assert loaded.shop.url == "https://file.example.com"
    assert loaded.shop.poll_interval == 20
    assert loaded.shop.api_key.get_secret_value() == "from-credential"
    assert loaded.shop.requests_per_minute == 60
    origins = {item.key: str(item.origin) for item in settings.effective(loaded, settings.origins(Path(path), environ))}
    assert origins["shop.url"] == f"file {path}"
    assert origins["shop.poll_interval"] == "environment BYTEBRIDGE_SHOP__POLL_INTERVAL"
    assert origins["shop.api_key"] == "credential file bytebridge_shop__api_key"
    assert origins["shop.requests_per_minute"] == "default"


def test_all_secrets_come_from_credential_files(credentials):
    names = [
        "helpdesk__api_key",
        "helpdesk__message_api_key",
        "shop__api_key",
        "erp__api_key",
        "smtp__password",
    ]
    environ = credentials(**{f"bytebridge_{name}": f"{name} value\r\n".encode() for name in names}, other=b"x")
    assert settings.secret_values(settings.load(None, environ)) == [f"{name} value" for name in names]


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"abc", "abc"),
        (b"abc\n", "abc"),
        (b"abc\r\n", "abc"),
        (b" a b \n", " a b "),
        ("clé\n".encode(), "clé"),
    ],
)
def test_credential_file_loses_its_last_newline_only(credentials, content, secret):
    loaded = settings.load(None, credentials(bytebridge_erp__api_key=content))
    assert loaded.erp.api_key.get_secret_value() == secret


@pytest.mark.parametrize(
    ("variable", "text", "read"),
    [
        ("SHOP__POLL_INTERVAL", "120", lambda s: s.shop.poll_interval == 120),
        ("SHOP__KEY_IN_QUERY", "true", lambda s: s.shop.key_in_query is True),
        ("ERP__WRITE_BACK", "off", lambda s: s.erp.write_back is False),
        ("ERP__READ_INVOICES", "0", lambda s: s.erp.read_invoices is False),
        ("SHOP__PAID_STATES", "[2, 11]", lambda s: s.shop.paid_states == [2, 11]),
        ("SHOP__TAKEN_BACK_STATES", "[]", lambda s: s.shop.taken_back_states == []),
        ("HELPDESK__DEPARTMENTS", '["1234", "default"]', lambda s: s.helpdesk.departments == ["1234", "default"]),
        ("HELPDESK__FIELDS__MINUTES", "tiempo", lambda s: s.helpdesk.fields.minutes == "tiempo"),
        ("HELPDESK__FIELDS", '{"kind": "tipo"}', lambda s: (s.helpdesk.fields.kind, s.helpdesk.fields.minutes) == ("tipo", "minutos")),
        ("HELPDESK__KINDS__FREE", '["Libre"]', lambda s: s.helpdesk.kinds.free == ["Libre"]),
        ("HELPDESK__DEFAULT_KIND", "consultation", lambda s: s.helpdesk.default_kind == "consultation"),
        ("HELPDESK__SINCE", "2026-01-01", lambda s: s.helpdesk.since == DAY),
        ("SHOP", '{"url": "https://shop.example.com"}', lambda s: s.shop.url == "https://shop.example.com"),
        ("PACKS", '[{"reference": "P60", "credits": 60, "price": 72.60}]', lambda s: s.packs[0].price == Decimal("72.60")),
        ("MODULES", '[{"reference": "MOD.*"}]', lambda s: s.modules[0].support_days == 365),
        ("TARIFF__UPGRADE", '{"flat": 90}', lambda s: s.tariff.upgrade[0].flat == 90),
        ("TARIFF__UPGRADE__FLAT", "90", lambda s: s.tariff.upgrade[0].flat == 90),
        ("TARIFF__INTERVENTION__MINIMUM", "60", lambda s: (s.tariff.intervention[0].minimum, s.tariff.intervention[0].block) == (60, 15)),
        ("NOTICES__FROM", "a@example.com", lambda s: s.notices.from_ == "a@example.com"),
        ("NOTICES__QUIET_BEFORE", "", lambda s: s.notices.quiet_before is None),
        ("NOTICES__STATEMENT_WORDS", '["saldo"]', lambda s: s.notices.statement_words == ["saldo"]),
        ("SERVICE__LISTEN", "", lambda s: s.service.listen == ""),
        ("SMTP__PORT", "25", lambda s: s.smtp.port == 25),
        ("STORE__URL", "postgresql+psycopg://u@h/db", lambda s: s.store.url == "postgresql+psycopg://u@h/db"),
    ],
)  # fmt: skip
def test_environment_says_it(variable, text, read):
    assert read(settings.load(None, env(**{variable: text})))


def test_every_key_has_its_variable():
    known = {variable(key) for key, _ in keys(settings.Settings)}
    assert {f"BYTEBRIDGE_{key.replace('.', '__').upper()}" for key in PROMISED} <= known


def test_narrow_variable_wins_over_its_table():
    environ = env(SHOP__POLL_INTERVAL="5", SHOP='{"poll_interval": 7, "url": "https://s.example.com"}')
    loaded = settings.load(None, environ)
    assert (loaded.shop.poll_interval, loaded.shop.url) == (5, "https://s.example.com")


MISTAKES = [
    # (TOML, what the only line says after "key: file PATH: ")
    ("[shop]\npoll_intervall = 3", "shop.poll_intervall", "no such key; did you mean poll_interval?"),
    ("[shopp]\nurl = 'https://a'", "shopp", "no such key; did you mean shop?"),
    ("[helpdesk.kinds]\nfree_work = ['x']", "helpdesk.kinds.free_work", "no such key"),
    ("[shop]\npoll_interval = '60'", "shop.poll_interval", "expected: a whole number"),
    ("[shop]\npoll_interval = 60.5", "shop.poll_interval", "expected: a whole number"),
    ("[shop]\npoll_interval = true", "shop.poll_interval", "expected: a whole number"),
    ("[shop]\npoll_interval = 0", "shop.poll_interval", "expected: a whole number, at least 1"),
    ("[erp]\ntake_back_after = -1", "erp.take_back_after", "expected: a whole number, at least 0"),
    ("[smtp]\nport = 70000", "smtp.port", "expected: a whole number, at most 65535"),
    ("[erp]\nwrite_back = 'yes'", "erp.write_back", "expected: true or false"),
    ("[erp]\nwrite_back = 1", "erp.write_back", "expected: true or false"),
    ("[erp]\nbalance_field = 3", "erp.balance_field", "expected: text"),
    ("[helpdesk]\ndepartments = '12'", "helpdesk.departments", "expected: a list"),
    ("[helpdesk]\ndepartments = [12]", "helpdesk.departments.0", "expected: text"),
    ("[shop]\npaid_states = ['2']", "shop.paid_states.0", "expected: a whole number"),
    ("[helpdesk]\nreply_as = 'chat'", "helpdesk.reply_as", "expected: one of 'reply', 'note' or 'email'"),
    ("[helpdesk]\nfields = 'x'", "helpdesk.fields", "expected: a table"),
    ("shop = 5", "shop", "expected: a table"),
    ("[packs]\nreference = 'x'", "packs", "expected: a list"),
    ("[shop]\nurl = 'shop.example.com'", "shop.url", "expected: the site's root, such as https://desk.example.com"),
    ("[shop]\nurl = 'ftp://a'", "shop.url", "expected: the site's root, such as https://desk.example.com"),
    ("[shop]\nurl = 'https://me:hidden@a'", "shop.url", "expected: the site's root, such as https://desk.example.com"),
    ("[shop]\nurl = 'https://a/?x=1'", "shop.url", "expected: the site's root, such as https://desk.example.com"),
    ("[shop]\nurl = 'http://[::1'", "shop.url", "expected: a port of at most 65535, and brackets in pairs around an IPv6 address"),
    ("[shop]\nurl = 'http://a:99999'", "shop.url", "expected: a port of at most 65535, and brackets in pairs around an IPv6 address"),
    (
        "[[packs]]\nreference = 'A'\ncredits = 1\n[[packs]]\nreference = 'A'\ncredits = 2",
        "packs",
        "expected: each reference once for each valid_from, and not twice A",
    ),
    ("[shop]\nurl = 'https://a/api/'", "shop.url", "expected: the site's root, without /api…"),
    ("[shop]\ntime_zone = 'Madrid'", "shop.time_zone", "expected: a time zone such as Europe/Madrid"),
    ("[shop]\ntime_zone = '../../etc/passwd'", "shop.time_zone", "expected: a time zone such as Europe/Madrid"),
    ("[shop]\nsince = 20260101", "shop.since", "expected: an ISO 8601 date or time"),
    ("[shop]\nsince = 'yesterday'", "shop.since", "expected: an ISO 8601 date or time"),
    ("[shop]\nsince = 09:00:00", "shop.since", "expected: an ISO 8601 date or time"),
    ("[notices]\nquiet_before = 'never'", "notices.quiet_before", "expected: an ISO 8601 date or time"),
    ("[notices]\nfrom = 'Support <s@example.com>'", "notices.from", "expected: an e-mail address"),
    ("[notices]\nonly_to = ['a@example.com', 'b']", "notices.only_to.1", "expected: an e-mail address"),
    ("[notices]\noffice_hours = 'fri 18:00-09:00'", "notices.office_hours", "expected: days and times"),
    ("[notices]\noffice_hours = 'mon-fry 09:00-18:00'", "notices.office_hours", "expected: days and times"),
    ("[notices]\noffice_hours = 'mon-fri 09:00-24:00'", "notices.office_hours", "expected: days and times"),
    ("[notices]\noffice_hours = '9-18'", "notices.office_hours", "expected: days and times"),
    ("[notices]\ntemplates = '/nowhere/at/all'", "notices.templates", "expected: a folder that exists"),
    ("[shop]\nca_file = '/nowhere/ca.pem'", "shop.ca_file", "expected: a file that exists"),
    ("[erp]\nshop_reference = '('", "erp.shop_reference", "expected: a regular expression"),
    ("[[packs]]\ncredits = 60", "packs.0.reference", "expected: a value, and there is none"),
    ("[[packs]]\nreference = 'P60'", "packs.0", "expected: credits, or a reference with one group"),
    ("[[packs]]\nreference = 'P(\\d+)'\ncredits = 3", "packs.0", "expected: either credits or a group"),
    ("[[packs]]\nreference = 'P(\\d+)(x)'", "packs.0", "expected: credits, or a reference with one group"),
    ("[[packs]]\nreference = 'P'\ncredits = 0", "packs.0.credits", "expected: a whole number, at least 1"),
    ("[[packs]]\nreference = 'P'\ncredits = 1\nprice = 'dear'", "packs.0.price", "expected: a decimal such as 145.20"),
    ("[[packs]]\nreference = ''\ncredits = 1", "packs.0.reference", "expected: some text"),
    ("[tariff.upgrade]\nblock = 15", "tariff.upgrade.0", "expected: flat, or minimum and block"),
    ("[tariff.consultation]\nflat = 1\nblock = 2", "tariff.consultation.0", "expected: either flat or minimum and block"),
    ("[tariff]\nconsultation = []", "tariff.consultation", "expected: at least one"),
    ("[tariff]\nupgrade = [{flat = 1}, {flat = 2}]", "tariff.upgrade", "expected: rates that differ in valid_from"),
    ("[tariff.quote]\nflat = 1", "tariff.quote", "no such key"),
    ("[service]\nlisten = 'localhost'", "service.listen", "expected: an address and a port"),
    ("[service]\nlisten = '127.0.0.1:99999'", "service.listen", "expected: an address and a port"),
    ("[service]\nreconcile_at = '30 25 * * *'", "service.reconcile_at", "expected: minute, hour, day"),
    ("[service]\nreconcile_at = '@daily'", "service.reconcile_at", "expected: minute, hour, day"),
    ("[logging]\nlevel = 'loud'", "logging.level", "expected: one of 'debug', 'info', 'warning' or 'error'"),
    ("[store]\nurl = 'oracle://x'", "store.url", "expected: a SQLAlchemy URL that begins with one of sqlite"),
    ("[store]\nurl = 'sqlite://var/lib/bytebridge.db'", "store.url", "expected: sqlite:/// and a file"),
    (f"[helpdesk]\napi_key = '{'k' * 5000}'", "helpdesk.api_key", "expected: one line of printable text, at most 4096"),
    ("[smtp]\nhost = 'smtp.example.com:25'", "smtp.host", "expected: a name or an address alone"),
    ("[smtp]\nhost = 'smtp://smtp.example.com'", "smtp.host", "expected: a name or an address alone"),
    ("[store]\nurl = 'sqlite://'", "store.url", "expected: sqlite:/// and a file"),
    ("[store]\nurl = 'sqlite:///:memory:'", "store.url", "expected: sqlite:/// and a file"),
    ("[store]\nurl = 'postgresql+psycopg2://h/db'", "store.url", "expected: the driver psycopg, as in postgresql+psycopg://"),
    ("[store]\nurl = 'mysql://h:port/db'", "store.url", "expected: mysql://user:password@host:port/name"),
    ("[store]\nurl = 'mysql://h'", "store.url", "expected: mysql://user:password@host:port/name"),
    ("[store]\nurl = 'postgresql://u:a@b@h/db'", "store.url", "expected: postgresql://user:password@host:port/name"),
    ("[store]\nurl = 'postgresql://u@h/db?password=p'", "store.url", "expected: postgresql://user:password@host:port/name"),
    ("[helpdesk]\napi_key = 12345", "helpdesk.api_key", "expected: text"),
    ('[helpdesk]\napi_key = "a\\nb"', "helpdesk.api_key", "expected: one line of printable text"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("toml", "key", "expected"), MISTAKES, ids=[f"{i}-{case[1]}" for i, case in enumerate(MISTAKES)]
)
def test_mistake_is_one_line_with_key_place_and_expectation(write, toml, key, expected):
    path = write(toml)
    (line,) = problems(path)
    assert line.startswith(f"{key}: file {path}: {expected}")
    assert "\n" not in line


def test_all_mistakes_are_found_at_once(write, credentials):
    path = write("[shop]\npoll_interval = 'x'\n[erp]\nwrite_bak = true")
    environ = env(HELPDESK__REPLY_AS="chat", SHOP__PAID_STATES="[2", HELPDESK__APIKEY="k")
    environ |= credentials(bytebridge_smtp__pasword=b"k", bytebridge_erp__api_key=b"\xff")
    lines = problems(path, environ)
    assert sorted(line.split(": ")[0] for line in lines) == [
        "BYTEBRIDGE_HELPDESK__APIKEY",
        "bytebridge_erp__api_key",
        "bytebridge_smtp__pasword",
        "erp.write_bak",
        "helpdesk.reply_as",
        "shop.paid_states",
        "shop.poll_interval",
    ]


@pytest.mark.parametrize(
    ("variable", "text", "line"),
    [
        ("SHOP__POLL_INTERVAL", "soon", "shop.poll_interval: environment BYTEBRIDGE_SHOP__POLL_INTERVAL: expected: a whole number"),
        ("SHOP__PAID_STATES", "2,3", 'shop.paid_states: environment BYTEBRIDGE_SHOP__PAID_STATES: expected: JSON, such as ["one", "two"]'),
        ("SHOP__PAID_STATES", "{}", "shop.paid_states: environment BYTEBRIDGE_SHOP__PAID_STATES: expected: a list"),
        ("SHOP", "[1]", "shop: environment BYTEBRIDGE_SHOP: expected: a table"),
        ("SHOP", "x", 'shop: environment BYTEBRIDGE_SHOP: expected: JSON, such as {"key": "value"} or [{"key": "value"}]'),
        ("HELPDESK__API_KEI", "k", "BYTEBRIDGE_HELPDESK__API_KEI: environment: no such key; did you mean BYTEBRIDGE_HELPDESK__API_KEY?"),
        ("COLOUR__OF_LETTERS", "k", "BYTEBRIDGE_COLOUR__OF_LETTERS: environment: no such key; `bytebridge config show` lists all"),
        ("SHOP_API_KEY", "k", "BYTEBRIDGE_SHOP_API_KEY: environment: no such key; did you mean BYTEBRIDGE_SHOP__API_KEY?"),
        ("TARIFF__CONSULTATION__MINIMUM", "-1", "tariff.consultation.0.minimum: environment BYTEBRIDGE_TARIFF__CONSULTATION__MINIMUM: expected: a whole number, at least 0"),
    ],
)  # fmt: skip
def test_mistake_in_the_environment(variable, text, line):
    assert problems(None, env(**{variable: text})) == [line]


def test_one_key_of_a_list_in_the_file_cannot_be_overlaid(write):
    path = write("[tariff]\nupgrade = [{flat = 1}]")
    (line,) = problems(path, env(TARIFF__UPGRADE__FLAT="2"))
    assert line.startswith(
        "tariff.upgrade.flat: environment BYTEBRIDGE_TARIFF__UPGRADE__FLAT: expected: the whole list"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[shop", "expected: valid TOML"),
        (b"[shop]\nurl = 'a'\nurl = 'b'", "expected: valid TOML"),
        (b"a = '\xff'", "expected: UTF-8 text, byte 5 is not"),
        (b"a = " + b"9" * 5000, "expected: TOML without figures or nesting beyond all measure"),
        (b"a = " + b"[" * 5000, "expected: TOML without figures or nesting beyond all measure"),
    ],
)
def test_unreadable_file(tmp_path, content, says):
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    (line,) = problems(str(path))
    assert line.startswith(f"{path}: {says}")


def test_missing_file_that_was_asked_for(tmp_path):
    (line,) = problems(str(tmp_path / "none.toml"))
    assert line.endswith("none.toml: cannot be read (No such file or directory): name another with --config FILE")
    (line,) = problems(None, {"BYTEBRIDGE_CONFIG": str(tmp_path)})
    assert "Is a directory" in line


def test_file_is_the_one_given_then_the_variable_then_the_first_default(write, monkeypatch, tmp_path):
    given, named, usual = (write("", name) for name in ("a.toml", "b.toml", "c.toml"))
    monkeypatch.setattr(settings, "DEFAULT_FILES", (tmp_path / "none", Path(usual)))
    assert settings.find_file(given, {"BYTEBRIDGE_CONFIG": named}) == Path(given)
    assert settings.find_file(None, {"BYTEBRIDGE_CONFIG": named}) == Path(named)
    assert settings.find_file(None, {}) == Path(usual)
    assert settings.find_file(None, {"BYTEBRIDGE_CONFIG": ""}) == Path(usual)


def test_byte_order_mark_is_no_mistake(tmp_path):
    path = tmp_path / "c.toml"
    path.write_bytes("\ufeff[shop]\npoll_interval = 7".encode())
    assert settings.load(str(path), {}).shop.poll_interval == 7


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-01-01", DAY),
        ('"2026-01-01"', DAY),
        ('"2026-01-01T00:00:00Z"', DAY),
        ("2026-01-01T01:00:00+01:00", DAY),
        ("2026-01-01T00:00:00", DAY),
        ('"2025-12-31T19:00:00-05:00"', DAY),
        ('""', None),
    ],
)
def test_moments(write, written, instant):
    assert settings.load(write(f"[shop]\nsince = {written}"), {}).shop.since == instant


@pytest.mark.parametrize(("written", "instant"), [('"creation"', "creation"), ('""', None), ("2026-01-01", DAY)])
def test_quiet_before(write, written, instant):
    assert settings.load(write(f"[notices]\nquiet_before = {written}"), {}).notices.quiet_before == instant


@pytest.mark.parametrize(
    ("written", "price"), [("145.20", "145.20"), ('"145.20"', "145.20"), ("145", "145"), ("0.1", "0.1")]
)
def test_price_keeps_its_decimals(write, written, price):
    path = write(f"[[packs]]\nreference = 'P'\ncredits = 1\nprice = {written}")
    assert settings.load(path, {}).packs[0].price == Decimal(price)


def rates(given):
    return [(rate.minimum, rate.block, rate.flat, rate.valid_from) for rate in given]


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("[tariff.consultation]\nminimum = 30", [(30, 15, None, None)]),
        ("[tariff.consultation]\nflat = 20", [(None, None, 20, None)]),
        (
            "[tariff.consultation]\nblock = 30\nvalid_from = 2026-01-01",
            [(15, 15, None, None), (15, 30, None, DAY)],
        ),
        (
            "[[tariff.consultation]]\nminimum = 10\nblock = 10\n[[tariff.consultation]]\nflat = 20\nvalid_from = 2026-01-01",
            [(10, 10, None, None), (None, None, 20, DAY)],
        ),
    ],
)
def test_rates_of_one_kind(write, toml, expected):
    assert rates(settings.load(write(toml), {}).tariff.consultation) == expected


@pytest.mark.parametrize("text", ["mon-fri 09:00-18:00", "sun 00:00-23:59", "sun-thu 08:30-14:15", ""])
def test_office_hours(text):
    assert settings.load(None, env(NOTICES__OFFICE_HOURS=text)).notices.office_hours == text


@pytest.mark.parametrize(
    "text", ["30 3 * * *", "*/15 * * * *", "0 3 * * mon-fri", "0 3 1,15 jan *", "5-10/2 0 * * 7", ""]
)
def test_cron(text):
    assert settings.load(None, env(SERVICE__RECONCILE_AT=text)).service.reconcile_at == text


@pytest.mark.parametrize(
    "text", ["60 3 * * *", "* * * *", "5-1 * * * *", "*/0 * * * *", "0 3 0 * *", "0 3 * 13 *", "0 3 * * 8", "a * * * *", "1-2-3 * * * *"]
)  # fmt: skip
def test_no_cron(text):
    (line,) = problems(None, env(SERVICE__RECONCILE_AT=text))
    assert "as in cron" in line


@pytest.mark.parametrize(
    "url", ["https://shop.example.com", "https://shop.example.com/", "http://127.0.0.1:8080/tienda/", "http://[::1]:80"]
)  # fmt: skip
def test_site(url):
    assert settings.load(None, env(SHOP__URL=url)).shop.url == url.rstrip("/")


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, []),
        (env(SHOP__URL="https://s.example.com"), ["shop.api_key"]),
        (env(SHOP__URL="https://s.example.com", SHOP__API_KEY="k"), []),
        (env(SMTP__HOST="mail.example.com"), []),
        (env(SMTP__HOST="mail.example.com", SMTP__USERNAME="u"), ["smtp.password"]),
        (
            env(SHOP__URL="https://s.example.com", ERP__URL="https://e.example.com"),
            ["shop.api_key", "erp.api_key"],
        ),
    ],
)
def test_need_names_the_secrets_of_configured_systems_only(environ, missing):
    loaded = settings.load(None, environ)
    wanted = ("shop.api_key", "erp.api_key", "smtp.password")
    if not missing:
        settings.need(loaded, *wanted)
        return
    with pytest.raises(SettingsError) as caught:
        settings.need(loaded, *wanted)
    assert [line.split(": ")[0] for line in caught.value.problems] == missing
    assert "bytebridge_" in caught.value.problems[0]
    assert "BYTEBRIDGE_" in caught.value.problems[0]


SECRET = "s3cret-\u00e9\"'"


def test_a_secret_that_is_missing_is_named_with_every_other_mistake(write):
    text = "[shop]\nurl = 'https://s.example.com'\npoll_interval = 0\n[smtp]\nhost = 'm.example.com'\nusername = 'u'"
    with pytest.raises(SettingsError) as caught:
        settings.load(write(text), {}, secrets=settings.SECRETS)
    assert [line.split(": ")[0] for line in caught.value.problems] == [
        "shop.poll_interval",
        "shop.api_key",
        "smtp.password",
    ]


def test_a_pack_may_change_its_credits_at_a_day(write):
    text = "[[packs]]\nreference = 'A'\ncredits = 1\n[[packs]]\nreference = 'A'\ncredits = 2\nvalid_from = 2026-01-01"
    assert [pack.credits for pack in settings.load(write(text), {}).packs] == [1, 2]


def test_no_error_shows_a_secret(write):
    broken = [
        f"[helpdesk]\napi_key = ['''{SECRET}''']",
        f"[helpdesk]\napi_key = {{ x = '''{SECRET}''' }}",
        f"[helpdesk]\napi_kei = '''{SECRET}'''",
        f"[helpdesk]\nurl = '''https://me:{SECRET}@desk.example.com'''",
        f"[store]\nurl = '''oracle://u:{SECRET}@h/db'''",
        f"[helpdesk]\napi_key = '''{SECRET}''' x",
    ]
    for toml in broken:
        for line in problems(write(toml)):
            assert "s3cret" not in line
    for name in ("HELPDESK__APIKEY", "PACKS", "SHOP__POLL_INTERVAL", "SHOP__SINCE"):
        for line in problems(None, env(**{name: SECRET})):
            assert "s3cret" not in line


def test_nothing_shown_of_a_configuration_holds_a_secret():
    secret_keys = (
        "HELPDESK__API_KEY",
        "HELPDESK__MESSAGE_API_KEY",
        "SHOP__API_KEY",
        "ERP__API_KEY",
        "SMTP__PASSWORD",
    )
    environ = env(**dict.fromkeys(secret_keys, SECRET), STORE__URL="postgresql+psycopg://u:s3cret%40p@h/db")
    loaded = settings.load(None, environ)
    shown = {item.key: item.value for item in settings.effective(loaded, settings.origins(None, environ))}
    assert "s3cret" not in repr(loaded) + str(loaded) + str(shown) + str(settings.origins(None, environ))
    assert shown["smtp.password"] == shown["shop.api_key"] == "***"
    assert shown["store.url"] == "postgresql+psycopg://u:***@h/db"
    assert settings.secret_values(loaded)[:5] == [SECRET] * 5
    assert set(settings.secret_values(loaded)[5:]) == {"s3cret%40p", "s3cret@p"}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("sqlite:////var/lib/x/x.db", "sqlite:////var/lib/x/x.db"),
        ("sqlite:///x.db", "sqlite:///x.db"),
        ("postgresql://u@h/db", "postgresql+psycopg://u@h/db"),
        ("mysql://u:p%40@h:3306/db", "mysql+pymysql://u:p%40@h:3306/db"),
        ("mariadb://[::1]/db?ssl_ca=/x.pem", "mariadb+pymysql://[::1]/db?ssl_ca=/x.pem"),
        ("postgresql:///db?host=/run/postgresql&user=u", "postgresql+psycopg:///db?host=/run/postgresql&user=u"),
    ],
)
def test_a_database_is_reached_by_the_driver_that_comes_with_it(given, read):
    assert settings.load(None, env(STORE__URL=given)).store.url == read


def test_a_driver_that_is_not_installed_is_a_mistake_of_the_configuration(monkeypatch):
    monkeypatch.setattr(setting_forms, "find_spec", {"psycopg": None, "pymysql": object()}.get)
    (line,) = problems(environ=env(STORE__URL="postgresql+psycopg://u@h/db"))
    assert line.endswith("expected: psycopg, which is not installed: pip install bytebridge[postgres]")
    assert settings.load(None, env(STORE__URL="mysql://u@h/db"))


def test_configuration_is_frozen():
    loaded = settings.load(None, {})
    with pytest.raises(ValueError, match="frozen"):
        loaded.shop.poll_interval = 5


def test_state_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "SYSTEM_STATE", tmp_path / "system")
    environ = {"XDG_STATE_HOME": "/x/state", "STATE_DIRECTORY": "/a:/b"}
    assert settings.state_directory(environ) == Path("/a")
    del environ["STATE_DIRECTORY"]
    assert settings.state_directory(environ) == Path("/x/state/bytebridge")
    (tmp_path / "system").symlink_to("/nowhere")  # there, though no use: an error of who opens it
    assert settings.state_directory(environ) == tmp_path / "system"
    url = settings.store_url(settings.load(None, {}), {"STATE_DIRECTORY": "/var/lib/bytebridge"})
    assert url == "sqlite:////var/lib/bytebridge/bytebridge.db"


def test_variables_of_the_test_suite_are_not_settings():
    settings.load(None, env(TEST_POSTGRESQL_URL="x"))


def test_process_environment_is_the_default(monkeypatch):
    monkeypatch.setitem(os.environ, "BYTEBRIDGE_SHOP__POLL_INTERVAL", "11")
    assert settings.load().shop.poll_interval == 11
