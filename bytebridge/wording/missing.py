"""What a ticket that waits for review still lacks, said to the technicians in the firm's language."""

from bytebridge.wording.language import typeset

MISSING: dict[str, dict[str, str]] = {
    "no_kind": {
        "es": "falta el tipo de trabajo",
        "fr": "il manque le type de travail",
        "en": "the kind of work is missing",
    },
    "no_kind_no_minutes": {
        "es": "faltan el tipo de trabajo y los minutos",
        "fr": "il manque le type de travail et les minutes",
        "en": "the kind of work and the minutes are missing",
    },
    "no_minutes": {"es": "faltan los minutos", "fr": "il manque les minutes", "en": "the minutes are missing"},
    "zero_minutes": {
        "es": "hay 0 minutos anotados; el trabajo gratuito se marca con su tipo",
        "fr": "0 minute est notée ; un travail gratuit se marque par son type",
        "en": "0 minutes are noted; free work is marked by its kind",
    },
    "unreadable_minutes": {
        "es": "los minutos no son un número entero",
        "fr": "les minutes ne sont pas un nombre entier",
        "en": "the minutes are no whole number",
    },
    "unreadable_credits": {
        "es": "los créditos no son un número entero",
        "fr": "les crédits ne sont pas un nombre entier",
        "en": "the credits are no whole number",
    },
    "two_minutes": {
        "es": "hay dos cifras de minutos",
        "fr": "deux chiffres de minutes sont notés",
        "en": "two figures of minutes are noted",
    },
    "two_credits": {
        "es": "hay dos cifras de créditos",
        "fr": "deux chiffres de crédits sont notés",
        "en": "two figures of credits are noted",
    },
    "two_kinds": {
        "es": "hay dos tipos de trabajo",
        "fr": "deux types de travail sont indiqués",
        "en": "two kinds of work are given",
    },
    "unknown_kind": {
        "es": "el tipo de trabajo no se conoce",
        "fr": "le type de travail est inconnu",
        "en": "the kind of work is not known",
    },
    "credits_on_free": {
        "es": "hay créditos anotados en un trabajo gratuito",
        "fr": "des crédits sont notés sur un travail gratuit",
        "en": "credits are noted on free work",
    },
    "no_quote": {
        "es": "faltan los créditos presupuestados",
        "fr": "il manque les crédits du devis",
        "en": "the quoted credits are missing",
    },
    "module_outside_year": {
        "es": "el año de soporte del módulo ha terminado: indique consulta o intervención",
        "fr": "l’année d’assistance du module est terminée : indiquez consultation ou intervention",
        "en": "the module's year of support is over: say consultation or intervention",
    },
    "no_address": {
        "es": "el ticket no tiene dirección de correo",
        "fr": "le ticket n’a pas d’adresse électronique",
        "en": "the ticket has no e-mail address",
    },
    "two_accounts": {
        "es": "la dirección corresponde a dos cuentas",
        "fr": "l’adresse correspond à deux comptes",
        "en": "the address fits two accounts",
    },
}
OTHER = {
    "es": "este ticket espera a que una persona lo revise",
    "fr": "ce ticket attend qu’une personne le vérifie",
    "en": "this ticket waits for a person to look at it",
}
CURED = {
    "es": "Cuando se corrija en el ticket, se cargará por sí solo.",
    "fr": "Dès que le ticket sera corrigé, le débit se fera tout seul.",
    "en": "Once the ticket says it, it is charged by itself.",
}
BY_OTHERS = {
    "es": "Lo resolverá un administrador; en el ticket no hay que hacer nada.",
    "fr": "Un administrateur s’en occupe ; il n’y a rien à faire dans le ticket.",
    "en": "An administrator will settle it; there is nothing to do in the ticket.",
}
FRAME = {
    "es": "No se ha cargado nada nuevo: {what}. {cure} ({code})",
    "fr": "Rien de nouveau n’a été débité : {what}. {cure} ({code})",
    "en": "Nothing new was charged: {what}. {cure} ({code})",
}
NOT_IN_THE_TICKET = ("two_accounts",)


def note(reason: str, language: str, code: str) -> str:
    """The internal note: what is missing, and who mends it. code: by which it is found again."""
    in_ticket = reason in MISSING and reason not in NOT_IN_THE_TICKET
    what = MISSING.get(reason, OTHER)[language]
    cure = (CURED if in_ticket else BY_OTHERS)[language]
    return typeset(FRAME[language].format(what=what, cure=cure, code=code), language)
