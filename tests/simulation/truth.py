"""What every document is worth by the firm's rules, computed from the simulated systems' own tables.

Written from the rules as the firm tells them, with the meaning of each text that a technician may type given by the
table it was drawn from; nothing here is shared with the product. Where a document was made so close to a change of
rules that nobody could say on which side, both answers are right.
"""

from simulation.people import DAY, FIGURES, NOTED, TAGGED, WORK
from simulation.world import NEW_PACK, NEW_TARIFF, TARIFF, normal

KINDS = dict(WORK)
TAGS = dict(TAGGED)
MINUTES = dict(FIGURES)
CREDITS = dict(NOTED)
PAID_STATUS, VALIDATED = 2, 1
SUPPORT_S = 365 * DAY
NEAR_S = 600  # clocks differ, and a document is dated when it is seen


def pack(reference, new=False):
    """Credits of one unit; 0 for what is no pack. new: by the prices that came later."""
    if new and reference in NEW_PACK:
        return NEW_PACK[reference]
    return int(reference.removeprefix("SERVDOLIA")) if reference.startswith("SERVDOLIA") else 0


def opinions(world):
    """Document -> every right answer (credits, address); none where nobody can say and what was posted stays."""
    found = {f"shop:{order.id}": order_worths(order, world) for order in world.orders.values()}
    found |= {f"helpdesk:{ticket.id}": ticket_worths(ticket, world) for ticket in world.desk.tickets.values()}
    for row in list(world.erp.invoices.values()):
        if row["rowid"] in world.ours and row["type"] == 0:
            found |= invoice_worths(row, world)
    return found


def after(change, moments):
    """Whether these moments lie after a change of rules: False, True, or both where it is too close to tell."""
    if change is None:
        return [False]
    sure = {moment >= change for moment in moments if abs(moment - change) > NEAR_S}
    return sorted(sure) if sure and all(abs(moment - change) > NEAR_S for moment in moments) else [False, True]


def order_worths(order, world):
    if order.stand not in ("paid", "hold"):
        return ((0, order.email),)
    return tuple(
        (sum(pack(line.reference, new) * line.left for line in order.lines.values()), order.email)
        for new in after(world.changes_at, [order.dated])
    )


# --- tickets -------------------------------------------------------------------------------------------------


def ticket_worths(ticket, world):
    owner = normal(ticket.fields["owner_email"])
    if ticket.status in ("B", "X"):
        return () if ticket.id in world.tidied else ((0, owner),)
    if ticket.status not in ("R", "L"):
        return ()
    moments = world.worked.get(ticket.id) or [world.now()]
    tags = _tags(ticket, world)
    charges = [
        price(ticket.fields["custom_fields"], tags, NEW_TARIFF if new else TARIFF, supported=supported(ticket, world))
        for new in after(world.changes_at, moments)
    ]
    return tuple({(-charge, owner) for charge in charges if charge is not None})


def _tags(ticket, world):
    names = {tag["id"]: tag["name"] for tag in world.desk.tags.values()}
    return [names[number] for number in ticket.fields["tags"]]


def kind_of(fields, tags):
    """The one kind that field and tags agree on; None when they name none, "?" when nobody can be sure."""
    kinds = {KINDS[value] for value in _texts(fields, "tipotrabajo")} | {TAGS[tag] for tag in tags if TAGS.get(tag)}
    if None in kinds or len(kinds) > 1:
        return "?"
    return kinds.pop() if kinds else None


def _texts(fields, code):
    return [field["value"] for field in fields if field["code"] == code]


def price(fields, tags, tariff, *, supported=False):
    """The tariff: blocks and minimums; an upgrade is flat; a noted figure is the charge but for free work."""
    kind = kind_of(fields, tags)
    noted = [CREDITS[text] for text in _texts(fields, "creditos")]
    if kind == "?" or None in noted:
        return None
    if kind == "free" or (kind == "module" and supported):
        return None if noted and noted[0] else 0
    if noted:
        return noted[0]
    if kind == "upgrade":
        return tariff["upgrade"]["flat"]
    if kind not in ("consultation", "intervention"):
        return None  # no kind at all, a quote without its figure, module support that nobody bought
    minutes = [MINUTES[text] for text in _texts(fields, "minutos")]
    return by_blocks(minutes[0], tariff[kind]) if len(minutes) == 1 and minutes[0] else None


def by_blocks(minutes, rate):
    return max(-(-minutes // rate["block"]) * rate["block"], rate["minimum"])


def supported(ticket, world):
    """Whether the owner's people have a listed module whose year had not ended when the ticket was opened."""
    holder = world.holder(normal(ticket.fields["owner_email"]))
    bought = [
        order.dated
        for order in world.orders.values()
        if order.stand in ("paid", "hold") and world.holder(order.email) is holder
        for line in order.lines.values()
        if line.reference.startswith("MOD") and line.left > 0
    ]
    return bool(bought) and world.opened[ticket.id] < max(bought) + SUPPORT_S


def least(ticket, world):
    """What an open ticket will cost at least, by the rules of its first work; None: nothing, or nobody can say.

    Before any work by those in force when it was last read: it has said what it says since it last changed.
    """
    moments = world.worked.get(ticket.id) or [ticket.fields["date_changed"], world.now()]
    tariffs = [NEW_TARIFF if new else TARIFF for new in after(world.changes_at, moments)]
    found = [least_by(ticket, world, tariff) for tariff in tariffs]
    return None if None in found else min(found)


def least_by(ticket, world, tariff):
    fields = ticket.fields["custom_fields"]
    kind = kind_of(fields, _tags(ticket, world))
    noted = [CREDITS[text] for text in _texts(fields, "creditos")]
    if kind in ("?", "free", "module") or None in noted:
        return None
    if noted:
        return noted[0] or None
    if kind == "quote":
        return None
    if kind == "upgrade":
        return tariff["upgrade"]["flat"]
    minutes = [MINUTES[text] for text in _texts(fields, "minutos")]
    return by_blocks((minutes[0] if minutes else None) or 1, tariff[kind or "consultation"])


# --- invoices ------------------------------------------------------------------------------------------------


def invoice_worths(row, world):
    """An invoice and its credit notes, which never take more than it granted and fall with it."""
    erp = world.erp
    owner = normal(erp.parties[row["fk_soc"]]["email"])
    granted = _granted(row, erp)
    found = {f"erp:{row['rowid']}": () if granted is None else ((granted, owner),)}
    left = granted or 0
    notes = [note for note in erp.invoices.values() if note["type"] == 2 and note["fk_facture_source"] == row["rowid"]]
    for note in sorted(notes, key=lambda note: note["rowid"]):
        counts = note["fk_statut"] == VALIDATED or (note["fk_statut"] == PAID_STATUS and note["paye"])
        taken = min(left, _units(note, erp) or 0) if counts else 0
        left -= taken
        found[f"erp:{note['rowid']}"] = () if granted is None else ((-taken, owner),)
    return found


def _granted(row, erp):
    if row["fk_statut"] != PAID_STATUS:
        return 0
    return _units(row, erp)


def _units(row, erp):
    """Credits of the lines; None where a pack was sold by a fraction."""
    total = 0
    for line in row["lines"]:
        reference = erp.products[line["fk_product"]]["ref"] if line["fk_product"] else ""
        credits = pack(reference)
        if credits and line["qty"] != int(line["qty"]):
            return None
        total += credits * abs(int(line["qty"]))
    return total
