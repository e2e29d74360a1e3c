"""What every document is worth by the firm's rules, computed from the simulated systems' own tables.

Written from the rules as the firm tells them, with the meaning of each text that a technician may type given by the
table it was drawn from; nothing here is shared with the product.
"""

from simulation.people import FIGURES, NOTED, TAGGED, WORK
from simulation.world import normal

KINDS = dict(WORK)
TAGS = dict(TAGGED)
MINUTES = dict(FIGURES)
CREDITS = dict(NOTED)
CONSULTATION, INTERVENTION = 15, 45
PAID_STATUS, VALIDATED = 2, 1


def pack(reference):
    """Credits of one unit; 0 for what is no pack."""
    return int(reference.removeprefix("SERVDOLIA")) if reference.startswith("SERVDOLIA") else 0


def opinions(world):
    """Document -> (credits, address), or None where nobody can say and what was posted stays."""
    found = {f"shop:{order.id}": order_worth(order) for order in world.orders.values()}
    found |= {f"helpdesk:{ticket.id}": ticket_worth(ticket, world) for ticket in world.desk.tickets.values()}
    for row in list(world.erp.invoices.values()):
        if row["rowid"] in world.ours and row["type"] == 0:
            found |= invoice_worths(row, world.erp)
    return found


def order_worth(order):
    if order.stand not in ("paid", "hold"):
        return 0, order.email
    return sum(pack(line.reference) * line.left for line in order.lines.values()), order.email


# --- tickets -------------------------------------------------------------------------------------------------


def ticket_worth(ticket, world):
    owner = normal(ticket.fields["owner_email"])
    if ticket.status in ("B", "X"):
        return None if ticket.id in world.tidied else (0, owner)
    if ticket.status not in ("R", "L"):
        return None
    tags = {tag["id"]: tag["name"] for tag in world.desk.tags.values()}
    charge = price(ticket.fields["custom_fields"], [tags[number] for number in ticket.fields["tags"]])
    return None if charge is None else (-charge, owner)


def price(fields, tags):
    """The tariff: blocks of 15, at least 15 or 45; an upgrade 120; a noted figure is the charge but for free work."""
    texts = {name: [f["value"] for f in fields if f["code"] == name] for name in ("tipotrabajo", "minutos", "creditos")}
    kinds = {KINDS[text] for text in texts["tipotrabajo"]} | {TAGS[tag] for tag in tags if TAGS.get(tag)}
    if None in kinds or len(kinds) > 1:
        return None
    kind = kinds.pop() if kinds else None
    noted = [CREDITS[text] for text in texts["creditos"]]
    if None in noted:
        return None
    if kind == "free":
        return None if noted and noted[0] else 0
    if noted:
        return noted[0]
    if kind == "upgrade":
        return 120
    if kind not in ("consultation", "intervention"):
        return None  # no kind at all, a quote without its figure, module support that nobody bought
    minutes = [MINUTES[text] for text in texts["minutos"]]
    if len(minutes) != 1 or not minutes[0]:
        return None
    blocks = (minutes[0] + 14) // 15 * 15
    return max(blocks, INTERVENTION if kind == "intervention" else CONSULTATION)


# --- invoices ------------------------------------------------------------------------------------------------


def invoice_worths(row, erp):
    """An invoice and its credit notes, which never take more than it granted and fall with it."""
    owner = normal(erp.parties[row["fk_soc"]]["email"])
    granted = _granted(row, erp)
    found = {f"erp:{row['rowid']}": None if granted is None else (granted, owner)}
    left = granted or 0
    notes = [note for note in erp.invoices.values() if note["type"] == 2 and note["fk_facture_source"] == row["rowid"]]
    for note in sorted(notes, key=lambda note: note["rowid"]):
        counts = note["fk_statut"] == VALIDATED or (note["fk_statut"] == PAID_STATUS and note["paye"])
        taken = min(left, _units(note, erp) or 0) if counts else 0
        left -= taken
        found[f"erp:{note['rowid']}"] = None if granted is None else (-taken, owner)
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
