"""Which language somebody is written to in."""

LANGUAGES = ("es", "fr", "en")


def language_of(document: str | None, account: str | None, firm: str) -> str:
    """The account's own language, else the document's, else the firm's; only those that letters exist in."""
    for wish in (account, document):
        short = (wish or "").lower().replace("_", "-").partition("-")[0]
        if short in LANGUAGES:
            return short
    return firm
