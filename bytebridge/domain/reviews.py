"""Why a document waits for a person or is worth a look, and what to do about it."""

REASONS: dict[str, tuple[str, str]] = {
    "no_kind": ("resolved without a kind of work", "set the kind on the ticket"),
    "no_minutes": ("resolved without minutes", "note the minutes on the ticket"),
    "zero_minutes": ("0 minutes noted", "note the minutes, or the kind for free work"),
    "unreadable_minutes": ("minutes that are no whole number: {found}", "correct the minutes on the ticket"),
    "unreadable_credits": ("credits that are no whole number: {found}", "correct the credits on the ticket"),
    "two_minutes": ("two figures of minutes: {found}", "leave one on the ticket"),
    "two_credits": ("two figures of credits: {found}", "leave one on the ticket"),
    "two_kinds": ("two kinds of work: {found}", "leave one kind on the ticket"),
    "unknown_kind": (
        "a kind of work no rule knows: {found}",
        "correct it, or add the word to helpdesk.kinds",
    ),
    "credits_on_free": ("{found} credits noted on free work", "remove the credits or change the kind"),
    "no_quote": ("quoted work without the quoted credits", "note the credits on the ticket"),
    "no_rate": ("no tariff for {found} at that date", "add a rate with an earlier valid_from"),
    "module_outside_year": (
        "module support outside its year",
        "set the kind to consultation or intervention",
    ),
    "no_address": ("no e-mail address to find the account by", "add the address, or decide with --account"),
    "two_accounts": ("its addresses fit several accounts: {found}", "decide with --account, or merge them"),
    "another_document": (
        "the same number with another customer or creation date",
        "the system was likely restored: adjust balances by hand, then dismiss",
    ),
    "older_than_since": (
        "a change to something older than `since`",
        "accept it if the opening balance did not count it",
    ),
    "deleted_late": (
        "deleted long after it was charged",
        "dismiss it if it was tidied away, accept to give back",
    ),
    "vanished": (
        "no longer there, and not seen deleted",
        "dismiss it to keep the credits, or decide with --charge",
    ),
    "unknown_state": ("in a state nobody knows", "correct it in the source"),
    "given_up": ("closed with the rest given up ({found})", "accept to grant it, or dismiss"),
    "negative_grant": ("its packs add up to less than nothing", "decide with --charge"),
    "fraction": ("a fraction of a pack: {found}", "correct the quantity, or decide with --charge"),
    "unknown_shop_order": (
        "marked as shop order {found}, which the ledger lacks",
        "wait for the order, or accept to grant it",
    ),
    "look_alike": (
        "looks like {found}, seen days apart in the other system",
        "accept if it is a second purchase, else dismiss",
    ),
    "no_source": (
        "a credit note without its invoice",
        "name the invoice in the ERP, or accept to take it back",
    ),
    "source_missing": ("a credit note whose invoice cannot be read", "decide with --charge"),
    "unreadable": ("an answer the notes on this system do not allow: {found}", "look at it in the source"),
    "hold": (
        "was paid and now stands in a state without meaning: {found}",
        "dismiss, or name the state in the settings",
    ),
    "stranger": (
        "charged to {found}, which had no account: one was opened below zero",
        "ask whether credits stand under another address, then merge the accounts or dismiss",
    ),
    "underpaid": ("total above what was received", "check the payment, then dismiss"),
    "goodwill": (
        "the money given back is far below the price of the units taken back ({found})",
        "adjust if it was goodwill",
    ),
    "looks_like_pack": ("a reference that looks like a pack: {found}", "add it to packs, or dismiss"),
    "paid_by_hand": ("marked paid by hand, no payment recorded", "check it, then dismiss"),
    "abandoned_with_money": ("abandoned although money came in", "check it, then dismiss"),
    "amount_only": (
        "a credit note of an amount, without packs",
        "adjust the balance if credits were meant, then dismiss",
    ),
}


def sentence(code: str, found: str) -> str:
    """Why, in one sentence."""
    return REASONS[code][0].format(found=found)


def cure(code: str) -> str:
    """What to do."""
    return REASONS[code][1]
