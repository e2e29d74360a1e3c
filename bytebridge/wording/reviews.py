"""Why a document waits for a person or is worth a look, in each language, and what to do about it."""

from dataclasses import dataclass

from bytebridge.domain.model import Kind
from bytebridge.wording.language import kind, known, typeset

OF_KINDS = ("two_kinds", "no_rate")  # reasons whose `found` names kinds of work as the rules call them


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence in each language, `{found}` for what the document says; cure: for those who run the commands."""

    es: str
    fr: str
    en: str
    cure: str


REASONS: dict[str, Reason] = {
    "no_kind": Reason(
        "resuelto sin tipo de trabajo",
        "résolu sans type de travail",
        "resolved without a kind of work",
        "set the kind on the ticket",
    ),
    "no_minutes": Reason(
        "resuelto sin minutos",
        "résolu sans minutes",
        "resolved without minutes",
        "note the minutes on the ticket",
    ),
    "zero_minutes": Reason(
        "0 minutos anotados",
        "0 minute notée",
        "0 minutes noted",
        "note the minutes, or the kind for free work",
    ),
    "unreadable_minutes": Reason(
        "minutos que no son un número entero: {found}",
        "minutes qui ne sont pas un nombre entier : {found}",
        "minutes that are no whole number: {found}",
        "correct the minutes on the ticket",
    ),
    "unreadable_credits": Reason(
        "créditos que no son un número entero: {found}",
        "crédits qui ne sont pas un nombre entier : {found}",
        "credits that are no whole number: {found}",
        "correct the credits on the ticket",
    ),
    "two_minutes": Reason(
        "dos cifras de minutos: {found}",
        "deux nombres de minutes : {found}",
        "two figures of minutes: {found}",
        "leave one on the ticket",
    ),
    "two_credits": Reason(
        "dos cifras de créditos: {found}",
        "deux nombres de crédits : {found}",
        "two figures of credits: {found}",
        "leave one on the ticket",
    ),
    "two_kinds": Reason(
        "dos tipos de trabajo: {found}",
        "deux types de travail : {found}",
        "two kinds of work: {found}",
        "leave one kind on the ticket",
    ),
    "unknown_kind": Reason(
        "un tipo de trabajo que ninguna regla conoce: {found}",
        "un type de travail qu’aucune règle ne connaît : {found}",
        "a kind of work no rule knows: {found}",
        "correct it, or add the word to helpdesk.kinds",
    ),
    "credits_on_free": Reason(
        "{found} créditos anotados en un trabajo gratuito",
        "{found} crédits notés sur un travail gratuit",
        "{found} credits noted on free work",
        "remove the credits or change the kind",
    ),
    "no_quote": Reason(
        "trabajo presupuestado sin los créditos del presupuesto",
        "travail sur devis sans les crédits du devis",
        "quoted work without the quoted credits",
        "note the credits on the ticket",
    ),
    "no_rate": Reason(
        "sin tarifa para {found} en esa fecha",
        "aucun tarif pour {found} à cette date",
        "no tariff for {found} at that date",
        "add a rate with an earlier valid_from",
    ),
    "module_outside_year": Reason(
        "soporte de módulo fuera de su año",
        "support de module hors de son année",
        "module support outside its year",
        "set the kind to consultation or intervention",
    ),
    "no_address": Reason(
        "sin dirección de correo por la que encontrar la cuenta",
        "sans adresse électronique pour trouver le compte",
        "no e-mail address to find the account by",
        "add the address, or decide with --account",
    ),
    "two_accounts": Reason(
        "sus direcciones corresponden a varias cuentas: {found}",
        "ses adresses correspondent à plusieurs comptes : {found}",
        "its addresses fit several accounts: {found}",
        "decide with --account, or merge them",
    ),
    "two_companies": Reason(
        "puede ser de dos empresas que comparten una dirección: {found}",
        "peut appartenir à deux sociétés qui partagent une adresse : {found}",
        "may be of two companies that share an address: {found}",
        "decide with --account, or give each third party its own address in the ERP",
    ),
    "another_document": Reason(
        "el mismo número con otro cliente u otra fecha de creación",
        "le même numéro avec un autre client ou une autre date de création",
        "the same number with another customer or creation date",
        "the system was likely restored: adjust balances by hand, then dismiss",
    ),
    "older_than_since": Reason(
        "un cambio en algo anterior a la fecha de partida",
        "un changement sur quelque chose d’antérieur à la date de départ",
        "a change to something older than `since`",
        "accept it if the opening balance did not count it",
    ),
    "deleted_late": Reason(
        "eliminado mucho después de cobrarse",
        "supprimé longtemps après avoir été facturé",
        "deleted long after it was charged",
        "dismiss it if it was tidied away, accept to give back",
    ),
    "vanished": Reason(
        "ya no está, y no se vio eliminar",
        "n’existe plus, sans avoir été vu supprimé",
        "no longer there, and not seen deleted",
        "dismiss it to keep the credits, or decide with --charge",
    ),
    "unknown_state": Reason(
        "en un estado que nadie conoce",
        "dans un état que personne ne connaît",
        "in a state nobody knows",
        "correct it in the source",
    ),
    "given_up": Reason(
        "cerrado dando el resto por perdido ({found})",
        "clos en renonçant au reste ({found})",
        "closed with the rest given up ({found})",
        "accept to grant it, or dismiss",
    ),
    "negative_grant": Reason(
        "sus packs suman menos que nada",
        "la somme de ses packs est négative",
        "its packs add up to less than nothing",
        "decide with --charge",
    ),
    "fraction": Reason(
        "una fracción de pack: {found}",
        "une fraction de pack : {found}",
        "a fraction of a pack: {found}",
        "correct the quantity, or decide with --charge",
    ),
    "unknown_shop_order": Reason(
        "marcado como el pedido {found} de la tienda, que no consta",
        "marqué comme la commande {found} de la boutique, qui n’est pas au registre",
        "marked as shop order {found}, which the ledger lacks",
        "wait for the order, or accept to grant it",
    ),
    "look_alike": Reason(
        "se parece a {found}, visto con pocos días de diferencia en el otro sistema",
        "ressemble à {found}, vu à quelques jours d’écart dans l’autre système",
        "looks like {found}, seen days apart in the other system",
        "accept if it is a second purchase, else dismiss",
    ),
    "no_source": Reason(
        "un abono sin su factura",
        "un avoir sans sa facture",
        "a credit note without its invoice",
        "name the invoice in the ERP, or accept to take it back",
    ),
    "source_missing": Reason(
        "un abono cuya factura no se puede leer",
        "un avoir dont la facture ne peut être lue",
        "a credit note whose invoice cannot be read",
        "decide with --charge",
    ),
    "unreadable": Reason(
        "una respuesta que no se entiende: {found}",
        "une réponse que l’on ne comprend pas : {found}",
        "an answer the notes on this system do not allow: {found}",
        "look at it in the source",
    ),
    "hold": Reason(
        "estuvo pagado y ahora está en un estado sin significado: {found}",
        "a été payé et se trouve maintenant dans un état sans signification : {found}",
        "was paid and now stands in a state without meaning: {found}",
        "dismiss, or name the state in the settings",
    ),
    "refund_not_shown": Reason(
        "la tienda ya no muestra un reembolso que constaba en sus notas de abono",
        "la boutique ne montre plus un remboursement qui figurait sur ses avoirs",
        "the shop no longer shows a refund that stood on its credit slips",
        "check the right to read order_slip; accept if the slips were deleted on purpose",
    ),
    "stranger": Reason(
        "cobrado a {found}, que no tenía cuenta: se abrió una por debajo de cero",
        "facturé à {found}, qui n’avait pas de compte : un compte a été ouvert au-dessous de zéro",
        "charged to {found}, which had no account: one was opened below zero",
        "ask whether credits stand under another address, then merge the accounts or dismiss",
    ),
    "underpaid": Reason(
        "total superior a lo recibido",
        "total supérieur à la somme reçue",
        "total above what was received",
        "check the payment, then dismiss",
    ),
    "goodwill": Reason(
        "el dinero devuelto queda muy por debajo del precio de las unidades retiradas ({found})",
        "la somme rendue est très inférieure au prix des unités reprises ({found})",
        "the money given back is far below the price of the units taken back ({found})",
        "adjust if it was goodwill",
    ),
    "looks_like_pack": Reason(
        "una referencia que parece un pack: {found}",
        "une référence qui ressemble à un pack : {found}",
        "a reference that looks like a pack: {found}",
        "add it to packs, or dismiss",
    ),
    "paid_by_hand": Reason(
        "marcado como pagado a mano, sin ningún pago registrado",
        "marqué payé à la main, sans paiement enregistré",
        "marked paid by hand, no payment recorded",
        "check it, then dismiss",
    ),
    "abandoned_with_money": Reason(
        "abandonado aunque entró dinero",
        "abandonné alors que de l’argent a été reçu",
        "abandoned although money came in",
        "check it, then dismiss",
    ),
    "note_not_shown": Reason(
        "cambió mientras el ERP no muestra uno de sus abonos",
        "a changé alors que l’ERP ne montre pas l’un de ses avoirs",
        "changed while the ERP does not show one of its credit notes",
        "look for the credit note in the ERP; accept if it was deleted on purpose",
    ),
    "amount_only": Reason(
        "un abono de un importe, sin packs",
        "un avoir d’un montant, sans packs",
        "a credit note of an amount, without packs",
        "adjust the balance if credits were meant, then dismiss",
    ),
}


def sentence(code: str, found: str, language: str = "en") -> str:
    """Why, in one sentence; English is the language of commands and logs."""
    reason, tongue = REASONS[code], known(language)
    words = {"es": reason.es, "fr": reason.fr, "en": reason.en}[tongue]
    if code in OF_KINDS and tongue != "en":
        names = found.split(", ")
        found = ", ".join(kind(name, tongue).lower() if name in set(Kind) else name for name in names)
    return typeset(words, tongue).format(found=found)


def cure(code: str) -> str:
    """What to do."""
    return REASONS[code].cure
