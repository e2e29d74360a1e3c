"""Configurations, opening balances and letters made of hostile text."""

import csv
import io
import random
import re
from functools import cache
from types import SimpleNamespace

from bytebridge.domain.accounts import normalise
from bytebridge.domain.letter import NoticeKind
from bytebridge.errors import Refused, RemoteRejected, SettingsError
from bytebridge.jobs import openings, repair_plan
from bytebridge.ledger import migrate
from bytebridge.ledger.engine import Store
from bytebridge.notices import mail
from bytebridge.notices.render import render
from bytebridge.notices.samples import sample
from bytebridge.setting_layers import keys, variable
from bytebridge.settings import Settings, load
from bytebridge.wording.plain import lines, link, one_line, person
from fuzz import hostile
from fuzz.firm import UNPRINTED

TOML = """[shop]
url = "https://shop.example.com"
poll_interval = 300
paid_states = [2, 11]
[helpdesk]
url = "https://desk.example.com"
agent = "creditos@example.com"
[helpdesk.kinds]
consultation = ["consulta"]
[[packs]]
reference = 'SERVDOLIA(\\d+)'
[[packs]]
reference = "SERVDOLIA60"
credits = 60
price = "72.60"
[tariff]
consultation = { minimum = 15, block = 15 }
[notices]
from = "creditos@example.com"
low_balance = 30
"""
CSV = "email,credits,name,language,reason\nana@example.com,105,Ana,es,opening\nluc@example.com,-30,Luc,fr,\n"
PLAN = b"""{"form": 2, "store": "", "made_at": 1, "by": "ana", "repairs": [
    {"key": "shop:1", "document": "order 1", "state": "0123456789abcdef", "revision": 1, "delta": 60, "postings": [[1, 60]]}]}"""
SECRET = "planted-secret-0123456789"
VARIABLES = [(variable(key), as_json) for key, as_json in keys(Settings)]


def settings(chance, folder):
    """A file and some variables: settings, or complaints that give no secret away."""
    text = hostile.spoilt(TOML.encode(), chance)
    if chance.random() < 0.5:
        words = TOML.split("\n")
        words[chance.randrange(len(words))] = hostile.text(chance)
        text = "\n".join(words).encode("utf-8", "surrogatepass")
    path = folder / "bytebridge.toml"
    path.write_bytes(text)
    environ = {"BYTEBRIDGE_SHOP__API_KEY": SECRET}
    for name, _ in chance.sample(VARIABLES, 2):
        value = hostile.text(chance)
        if "\x00" not in value:
            environ.setdefault(name, value)
    try:
        load(str(path), environ)
    except SettingsError as error:
        _are_sentences(error.problems)


def _are_sentences(complaints):
    assert complaints
    for complaint in complaints:
        assert complaint.strip()
        assert "\n" not in complaint
        assert SECRET not in complaint


def imported(chance, folder):
    """A file of opening balances: rows, or a refusal."""
    body = hostile.spoilt(CSV.encode(), chance)
    if chance.random() < 0.6:
        out = io.StringIO()
        rows = [[hostile.text(chance) for _ in range(chance.choice((2, 5)))] for _ in range(3)]
        rows[0] = chance.choice((["email", "credits"], rows[0]))
        csv.writer(out, delimiter=chance.choice(",;")).writerows(rows)
        body = out.getvalue().encode("utf-8", "surrogatepass")
    path = folder / "openings.csv"
    path.write_bytes(body)
    try:
        for email, credits, _name, language, _reason in openings.read(str(path)):
            assert normalise(email) == email
            assert abs(credits) < 10**9
            assert language in (None, "es", "fr", "en")
    except Refused as error:
        _are_sentences([str(error)])


def plan(chance, folder):
    """A plan of repairs that somebody edited: taken or refused before anything is touched."""
    path = folder / "plan.json"
    path.write_bytes(hostile.spoilt(PLAN, chance))
    try:
        for row in repair_plan.read(str(path), SimpleNamespace(store=_store(folder))):
            assert isinstance(row["key"], str)
    except Refused as error:
        _are_sentences([str(error)])


@cache
def _store(folder):
    """One without a name, which is the plan's."""
    store = Store(f"sqlite:///{folder}/plans.db")
    migrate.upgrade(store, 1_790_000_000, None)
    with store.engine.connect().execution_options(writes=True) as connection:
        connection.exec_driver_sql("DELETE FROM meta WHERE name = 'store'")
        connection.commit()
    return store


def letters(chance, folder):
    """A letter with hostile words wherever a stranger's may stand: one mail with the headers that were meant."""
    letter = sample(chance.choice(list(NoticeKind)), chance.choice(("es", "fr", "en", hostile.text(chance))))
    given = {
        name: hostile.text(chance)
        for name, value in _fields(letter)
        if type(value) is str and name not in ("language", "code") and chance.random() < 0.5
    }
    rendered = render(_changed(letter, given), zone="Europe/Madrid")
    assert "85547" not in rendered.html + rendered.text + rendered.subject
    assert not re.search(r"<(script|img|iframe|object|svg)\b", rendered.html, re.IGNORECASE)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", rendered.subject)
    recipient = chance.choice(("ana@example.com", hostile.text(chance)))
    try:
        raw = mail.build(
            rendered, sender="creditos@example.com", recipient=recipient, message_id="<a.b@example.com>", date=0
        )
    except RemoteRejected:
        return
    head = raw.partition(b"\r\n\r\n")[0].lower()
    assert not re.search(rb"^(bcc|cc|resent-[a-z]+):", head, re.MULTILINE)
    assert raw.isascii()


def words(chance, folder):
    """What makes a stranger's text fit to be shown."""
    text = hostile.text(chance)
    for shown in (one_line(text), person(text), lines(text)):
        assert not UNPRINTED.search(shown.replace("\n", "")), repr(shown)[:200]
    assert "\n" not in one_line(text) + person(text)
    assert link(text) == "" or link(text).startswith(("http://", "https://"))
    email = normalise(text)
    assert email is None or not re.search(r"[\s\x00-\x1f<>,;]", email), email


def _fields(letter):
    return [(name, getattr(letter, name)) for name in _names(letter)]


def _names(letter):
    return getattr(letter, "__struct_fields__", None) or getattr(letter, "__dataclass_fields__", {})


def _changed(letter, given):
    values = dict(_fields(letter)) | given
    return type(letter)(**values)


KINDS = {"settings": settings, "openings": imported, "plan": plan, "letters": letters, "words": words}


def run(kind, seed, count, folder):
    """So many inputs of one kind; how many there were."""
    for number in range(count):
        chance = random.Random(f"{kind} {seed} {number}")
        try:
            KINDS[kind](chance, folder)
        except Exception as error:
            raise AssertionError(f"{kind}, seed {seed}, number {number}: {error!r}") from error
    return count
