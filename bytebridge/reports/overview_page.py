"""The firm's report as one HTML file, and as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from bytebridge.reports import overview_plots, plot
from bytebridge.reports.data import instant
from bytebridge.reports.figures import Figures, figures
from bytebridge.reports.frame import fill
from bytebridge.reports.health import SourceHealth, state_of
from bytebridge.reports.overview import Age, Overview, Standing
from bytebridge.reports.overview_words import Words, words
from bytebridge.reports.shown import printable
from bytebridge.reports.words import kind_name

DRAWN_MONTHS, SHOWN_MONTHS = 24, 12
SHOWN_ROWS = 20  # of a table that may be as long as the list of accounts
DRAWN = 12
YEAR_DAYS = 365
CURRENCY = "EUR"
NOTE = "_note"


def render_html(overview: Overview, language: str = "es", currency: str = CURRENCY) -> str:
    """currency: of the packs' prices, as ISO 4217. Refused without the drawing libraries."""
    form, said = figures(language, overview.zone), words(language)
    return fill(
        "overview.html",
        language=form.language,
        words=said,
        o=overview,
        form=form,
        made=said["made"].format(moment=form.moment(overview.at)),
        value=form.money(overview.value, currency),
        minimum=form.share(overview.at_minimum, overview.tickets),
        months=overview.months[-SHOWN_MONTHS:][::-1],
        ages=[(_band(age, said), age, form.money(age.value, currency)) for age in overview.ages],
        works=[(_work(work.kind, form, said), work) for work in overview.works],
        standings=[
            ("running_out", overview.running_out()),
            ("negative", overview.negative()),
            ("dormant", overview.dormant()),
        ],
        most=SHOWN_ROWS,
        printable=printable,
        notice_name=lambda kind: said.get(f"{kind}_notice", said.get(kind, kind)),
        state_of=state_of,
        plots=_plots(overview, form, said),
        texts=_texts(overview, form, said),
        notes=_notes(overview, form, said),
    )


def _band(age: Age, said: Words) -> str:
    if age.to_days is None:
        return said["age_open"].format(low=age.from_days)
    return said["age_between"].format(low=age.from_days, high=age.to_days)


def _work(kind: str, form: Figures, said: Words) -> str:
    return kind_name(kind, form.language) if kind else said["by_person"]


def _plots(overview: Overview, form: Figures, said: Words) -> dict[str, Markup]:
    """Each drawing by the name of its section; sections with nothing to draw are absent."""
    texts = _texts(overview, form, said)
    ages = [_band(age, said) for age in overview.ages]
    works = [_work(work.kind, form, said) for work in overview.works]
    first = _named(overview.running_out()[:DRAWN])
    names = (said["sold"], said["used"], said["taken_back"])
    drawings = {
        "months": (overview_plots.months(overview.months[-DRAWN_MONTHS:], names, form), None),
        "ages": (overview_plots.bars(ages, [age.credits for age in overview.ages], form), len(ages)),
        "works": (overview_plots.bars(works, [work.credits for work in overview.works], form), len(works)),
        "running_out": (overview_plots.ranges(first, said["days"], form), len(first)),
    }
    made = {}
    for name, (draw, rows) in drawings.items():
        if name in texts:
            heights = overview_plots.height(rows) if rows is not None else None
            made[name] = Markup(plot.pair(draw, name, said[name], texts[name], heights))  # nosec B704  # noqa: S704  (our own SVG)
    return made


def _notes(overview: Overview, form: Figures, said: Words) -> dict[str, str]:
    """What each figure or section means, by its name."""
    at_stake = sum(item.cost or 0 for item in overview.firm.reviews if item.state == "waiting")
    values = {"zone": overview.zone, "credits": form.signed(at_stake)}
    return {key.removesuffix(NOTE): text.format(**values) for key, text in said.items() if key.endswith(NOTE)}


def _named(standings: Sequence[Standing]) -> list[Standing]:
    return [Standing(one.account, printable(one.name), one.balance, one.lasts, one.idle_days) for one in standings]


def _texts(overview: Overview, form: Figures, said: Words) -> dict[str, str]:
    """What each drawing shows in a sentence; absent where there is nothing to show."""
    texts = {}
    if overview.months:
        last = overview.months[-1]
        texts["months"] = said["months_text"].format(
            month=form.month(last.month),
            sold=form.number(last.sold),
            used=form.number(last.used),
            back=form.number(last.taken_back),
            balance=form.number(last.balance),
        )
    if overview.outstanding:
        old = sum(age.credits for age in overview.ages if age.from_days >= YEAR_DAYS)
        share = form.share(old, overview.outstanding)
        texts["ages"] = said["ages_text"].format(total=form.number(overview.outstanding), share=share)
    if overview.works:
        most = overview.works[0]
        texts["works"] = said["works_text"].format(kind=_work(most.kind, form, said), credits=form.number(most.credits))
    if first := overview.running_out()[:1]:
        span = form.span(first[0].lasts or (0, 0))
        texts["running_out"] = said["running_out_text"].format(account=first[0].account, span=span)
    return texts


def as_json(overview: Overview, language: str = "en") -> str:
    """One JSON document: every month and every account, not only those a page has room for.

    language: of the definitions; names are the same in every language.
    """
    form, said = figures(language, overview.zone), words(language)
    return json.dumps({**shape(overview), "definitions": _notes(overview, form, said)}, ensure_ascii=False)


def shape(overview: Overview) -> dict[str, Any]:
    return {
        "at": instant(overview.at),
        "zone": overview.zone,
        "accounts": overview.accounts,
        "outstanding": overview.outstanding,
        "owed": overview.owed,
        "value": str(overview.value),
        "months": [
            {
                "month": month.month,
                "sold": month.sold,
                "used": month.used,
                "taken_back": month.taken_back,
                "other": month.other,
                "balance": month.balance,
            }
            for month in overview.months
        ],
        "by_age": [
            {
                "from_days": age.from_days,
                "to_days": age.to_days,
                "credits": age.credits,
                "value": str(age.value),
                "unpriced": age.unpriced,
            }
            for age in overview.ages
        ],
        "by_kind": [
            {"kind": work.kind or None, "tickets": work.tickets, "credits": work.credits, "minutes": work.minutes}
            for work in overview.works
        ],
        "tickets": {
            "charged": overview.tickets,
            "at_minimum": overview.at_minimum,
            "without_minutes": overview.without_minutes,
        },
        "by_days_left": [_standing(one) for one in overview.standings],
        "negative": [one.account for one in overview.negative()],
        "dormant": [one.account for one in overview.dormant()],
        **_of_firm(overview),
    }


def _standing(one: Standing) -> dict[str, Any]:
    return {
        "account": one.account,
        "name": one.name,
        "balance": one.balance,
        "lasts_days": list(one.lasts) if one.lasts is not None else None,
        "idle_days": one.idle_days,
    }


def _of_firm(overview: Overview) -> dict[str, Any]:
    firm = overview.firm
    return {
        "review": [
            {
                "id": item.id,
                "document": item.document,
                "why": item.why,
                "cost": item.cost,
                "state": item.state,
                "since": instant(item.since),
            }
            for item in firm.reviews
        ],
        "notices": {
            count.kind: {"sent": count.sent, "failed": count.failed, "waiting": count.waiting} for count in firm.notices
        },
        "sources": [_source(health) for health in firm.sources],
    }


def _source(health: SourceHealth) -> dict[str, Any]:
    return {
        "source": health.source,
        "state": state_of(health).value,
        "read_at": instant(health.read_at),
        "lag_s": round(health.lag_s),
        "error": health.error,
    }
