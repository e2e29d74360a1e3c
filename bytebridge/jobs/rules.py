"""The configuration as the domain's values."""

from bytebridge.domain.accounts import normalise
from bytebridge.domain.letter import Channel
from bytebridge.domain.model import Credits, Instant, Kind, Source
from bytebridge.domain.notices import Policy
from bytebridge.domain.rules import FOREVER_AGO, ModuleRule, Pack, Rate, Rules, fold, is_literal
from bytebridge.settings import ErpSettings, HelpdeskSettings, PackSettings, Settings, ShopSettings

System = HelpdeskSettings | ShopSettings | ErpSettings


def systems(settings: Settings) -> dict[Source, System]:
    """The section of each remote system."""
    return {Source.SHOP: settings.shop, Source.ERP: settings.erp, Source.HELPDESK: settings.helpdesk}


def rules_of(settings: Settings) -> Rules:
    desk = settings.helpdesk
    rates = [
        Rate(
            kind,
            Credits(rate.minimum or 0),
            Credits(rate.block or 1),
            Credits(rate.flat) if rate.flat is not None else None,
            _from(rate.valid_from),
        )
        for kind in (Kind.CONSULTATION, Kind.INTERVENTION, Kind.UPGRADE)
        for rate in getattr(settings.tariff, kind.value)
    ]
    return Rules(
        packs=tuple(_pack(pack) for pack in settings.packs),
        rates=tuple(rates),
        modules=tuple(ModuleRule(module.reference, module.support_days) for module in settings.modules),
        kinds={fold(word): kind for kind in Kind for word in getattr(desk.kinds, kind.value)},
        default_kind=Kind(desk.default_kind) if desk.default_kind else None,
        departments=frozenset(desk.departments),
        since={source: _from(section.since) for source, section in systems(settings).items()},
        take_back_after_s=settings.erp.take_back_after * 3600,
        shop_reference=settings.erp.shop_reference,
        shop_read=bool(settings.shop.url and settings.erp.url),
    )


def _from(moment: int | None) -> Instant:
    return Instant(moment) if moment is not None else FOREVER_AGO


def _pack(pack: PackSettings) -> Pack:
    return Pack(
        pack.reference,
        Credits(pack.credits) if pack.credits is not None else None,
        is_literal(pack.reference),
        pack.url,
        str(pack.price) if pack.price is not None else None,
        _from(pack.valid_from),
    )


def policy_of(settings: Settings, created_at: Instant) -> Policy:
    """created_at: when the store was made, before which nothing is told by default."""
    desk, letters = settings.helpdesk, settings.notices
    quiet = letters.quiet_before
    before = created_at if isinstance(quiet, str) else _from(quiet)
    return Policy(
        quiet_before=before,
        threshold=Credits(letters.low_balance),
        language=letters.language,
        ticket_channels=_channels(desk),
        statement_words=frozenset(fold(word) for word in letters.statement_words),
        statement_tags=frozenset(fold(word) for word in desk.kinds.statement),
        strangers=letters.strangers,
        share_company=settings.erp.share_company,
        own=frozenset(plain for text in (letters.from_, letters.staff, desk.agent) if (plain := normalise(text))),
    )


def _channels(desk: HelpdeskSettings) -> tuple[Channel, ...]:
    if not desk.message_api_key.get_secret_value() or desk.reply_as == "email":
        return (Channel.EMAIL,)
    return (Channel.TICKET, Channel.EMAIL) if desk.reply_as == "note" else (Channel.TICKET,)
