"""Made-up letters of every kind, for previews, for goldens and for trying a firm's own templates."""

from typing import Any

from msgspec.structs import replace

from bytebridge.domain.letter import Letter, Movement, NoticeKind, PackOffer, StatementRow
from bytebridge.domain.model import Credits, Instant, Source

AT = Instant(1_772_697_600)  # 2026-03-05 08:00 UTC
SHOP = "https://shop.example.com/"
SMALL = PackOffer("SERVDOLIA60", Credits(60), 1, "72.60", SHOP + "servdolia60")
LARGE = PackOffer("SERVDOLIA120", Credits(120), 2, "145.20", SHOP + "servdolia120")
STATEMENT = """\
2026-01-12    +120    120   2 × SERVDOLIA60
2026-02-03     -30     90   KXB-QWERT-482
2026-03-05     -15     75   LMN-POIUY-113"""

ROWS = (
    StatementRow("5 mar 2026", "LMN-POIUY-113", "15 min", "−15", "75"),
    StatementRow("3 feb 2026", "KXB-QWERT-482", "22 min", "−30", "90"),
    StatementRow("12 ene 2026", "1042", "2 × SERVDOLIA60", "+120", "120"),
)


def sample(kind: NoticeKind, language: str) -> Letter:
    """The usual letter of this kind."""
    return next(iter(samples(kind, language).values()))


def samples(kind: NoticeKind, language: str) -> dict[str, Letter]:
    """Letters of this kind in every situation that changes what they say, by the situation's name."""
    match kind:
        case NoticeKind.PURCHASE:
            found = _purchases()
        case NoticeKind.TAKEN_BACK:
            found = _taken_back()
        case NoticeKind.BALANCE:
            found = _balances()
        case NoticeKind.LOW_BALANCE:
            found = _low()
        case NoticeKind.INSUFFICIENT:
            found = _insufficient()
        case NoticeKind.STATEMENT:
            found = {
                "with its movements": _letter(kind, statement_text=STATEMENT, statement_rows=ROWS, more_rows=True),
                "empty": _letter(kind, 0, name=""),
            }
        case NoticeKind.MODULE_ENDING:
            found = {
                "ending": _letter(
                    kind, 105, Source.SHOP, "1042", module="MODMULTICURRENCY", module_ends=AT, lasts_days=(50, 120)
                ),
                "bare": _letter(kind, 0, Source.SHOP, "1042", name=""),
            }
    return {title: replace(letter, language=language) for title, letter in found.items()}


def _letter(
    kind: NoticeKind,
    balance: int = 75,
    source: Source = Source.HELPDESK,
    document: str = "KXB-QWERT-482",
    *,
    now: int | None = None,
    name: str = "Ana",
    **values: Any,
) -> Letter:
    return Letter(
        kind=kind,
        language="es",
        name=name,
        code="BB-7-12-9F3A1C07B2E4",
        source=source,
        document=document,
        balance_after=Credits(balance),
        balance_now=Credits(balance if now is None else now),
        threshold=Credits(30),
        **values,
    )


def _movement(credits: int, derivation: dict[str, Any], *, was: int = 0) -> Movement:
    return Movement(Credits(credits), Credits(was), Credits(was + credits), derivation, AT)


def _blocks(kind: str, minutes: int, minimum: int) -> dict[str, Any]:
    return {"rule": "blocks", "kind": kind, "minutes": minutes, "block": 15, "minimum": minimum}


def _packs(standing: str = "paid", **units: tuple[int, int]) -> dict[str, Any]:
    """units: of each reference how many were bought and how many of them taken back."""
    lines = [
        {"reference": name, "units": bought, "taken_back": back, "credits": int(name.removeprefix("SERVDOLIA"))}
        for name, (bought, back) in units.items()
    ]
    return {"rule": "packs", "standing": standing, "lines": lines}


def _purchases() -> dict[str, Letter]:
    kind, shop = NoticeKind.PURCHASE, Source.SHOP
    bought = _movement(120, _packs(SERVDOLIA60=(2, 0)))
    mixed = _movement(180, _packs(SERVDOLIA60=(1, 0), SERVDOLIA120=(1, 0)))
    again = _movement(60, _packs(SERVDOLIA60=(3, 1)), was=60)
    return {
        "an order": _letter(kind, 195, shop, "1042", movement=bought, lasts_days=(70, 160)),
        "an invoice, balance moved on": _letter(kind, 255, Source.ERP, "FA2610-0040", now=240, movement=mixed, name=""),
        "still below zero": _letter(kind, -15, shop, "1042", movement=bought, owed=Credits(15), offer=(SMALL,)),
        "corrected": _letter(kind, 135, shop, "1042", movement=again),
    }


def _taken_back() -> dict[str, Letter]:
    kind, shop = NoticeKind.TAKEN_BACK, Source.SHOP
    part = _movement(-60, _packs(SERVDOLIA60=(2, 1)), was=120)
    whole = _movement(-240, _packs("back", SERVDOLIA60=(2, 2), SERVDOLIA120=(1, 1)), was=240)
    note = {"rule": "credit_note", "lines": [{"reference": "SERVDOLIA60", "units": -1, "taken_back": 0, "credits": 60}]}
    return {
        "one of two refunded": _letter(kind, 15, shop, "1042", movement=part, low=True, offer=(SMALL,)),
        "a whole order, used already": _letter(
            kind, -165, shop, "1042", movement=whole, owed=Credits(165), offer=(replace(LARGE, quantity=1), SMALL)
        ),
        "a credit note": _letter(
            kind,
            45,
            Source.ERP,
            "AV2610-0003",
            movement=_movement(-45, {**note, "source": "41", "claim": 60, "left": 45}),
            name="",
        ),
        "an invoice unpaid again": _letter(
            kind, 15, Source.ERP, "FA2610-0040", movement=_movement(-60, {"rule": "void", "why": "open"}, was=60)
        ),
    }


def _balances() -> dict[str, Letter]:
    kind = NoticeKind.BALANCE
    consultation = _movement(-30, _blocks("consultation", 22, 15))
    short = _movement(-45, _blocks("intervention", 10, 45))
    upgrade = _movement(-120, {"rule": "flat", "kind": "upgrade", "flat": 120})
    noted = _movement(-1, {"rule": "noted", "kind": None, "noted": 1, "minutes": None})
    quote = _movement(-200, {"rule": "noted", "kind": "quote", "noted": 200, "minutes": None})
    more = _movement(-15, _blocks("consultation", 22, 15), was=-15)
    spam = _movement(30, {"rule": "void", "why": "spam"}, was=-30)
    return {
        "a consultation": _letter(kind, 75, movement=consultation, lasts_days=(20, 40)),
        "an intervention at its minimum, low": _letter(
            kind, 20, movement=short, low=True, offer=(SMALL,), credentials_reminder=True
        ),
        "an upgrade, owed, balance moved on": _letter(
            kind,
            -45,
            now=-60,
            movement=upgrade,
            owed=Credits(60),
            offer=(SMALL,),
            credentials_reminder=True,
        ),
        "one noted credit, one left": _letter(kind, 1, movement=noted, name=""),
        "a quote of a stranger": _letter(
            kind, -200, movement=quote, owed=Credits(200), offer=(LARGE,), stranger=True, name=""
        ),
        "free work": _letter(kind, 105, movement=_movement(0, {"rule": "free", "kind": "free"})),
        "corrected upwards": _letter(kind, 60, movement=more),
        "spam after all": _letter(kind, 105, movement=spam),
        "bare": _letter(kind, 0, name=""),
    }


def _low() -> dict[str, Letter]:
    kind = NoticeKind.LOW_BALANCE
    return {
        "low": _letter(kind, 20, Source.ADMIN, "", low=True, lasts_days=(5, 9), offer=(SMALL,)),
        "one credit, no packs": _letter(kind, 1, low=True, name=""),
        "used up": _letter(kind, 0, Source.ADMIN, "", low=True, offer=(SMALL,)),
        "below zero": _letter(
            kind, -5, Source.ADMIN, "", owed=Credits(5), offer=(PackOffer("SERVDOLIA60", Credits(60)),)
        ),
    }


def _insufficient() -> dict[str, Letter]:
    kind = NoticeKind.INSUFFICIENT
    return {
        "an intervention": _letter(kind, 10, estimate=Credits(45), estimate_kind="intervention", offer=(SMALL,)),
        "kind unknown, nothing left": _letter(kind, 0, estimate=Credits(15), offer=(SMALL,), name=""),
        "a quote, partly charged, owed": _letter(
            kind,
            -20,
            estimate=Credits(250),
            estimate_kind="quote",
            charged_already=Credits(30),
            owed=Credits(20),
            offer=(LARGE,),
        ),
        "bare": _letter(kind, 0, name=""),
    }
