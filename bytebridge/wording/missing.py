"""What a ticket that waits for review still lacks, said to the technicians in the firm's language."""

MISSING: dict[str, dict[str, str]] = {
    "no_kind": {
        "es": "falta el tipo de trabajo",
        "fr": "il manque le type de travail",
        "en": "the kind of work is missing",
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
        "fr": "l'année d'assistance du module est terminée : indiquez consultation ou intervention",
        "en": "the module's year of support is over: say consultation or intervention",
    },
    "no_address": {
        "es": "el ticket no tiene dirección de correo",
        "fr": "le ticket n'a pas d'adresse électronique",
        "en": "the ticket has no e-mail address",
    },
    "two_accounts": {
        "es": "la dirección corresponde a dos cuentas",
        "fr": "l'adresse correspond à deux comptes",
        "en": "the address fits two accounts",
    },
}
OTHER = {
    "es": "espera a que una persona lo revise",
    "fr": "il attend qu'une personne le vérifie",
    "en": "it waits for a person to look at it",
}
FRAME = {
    "es": "No se ha cargado ningún crédito: {what}. Cuando se corrija en el ticket, se cargará por sí solo. ({code})",
    "fr": "Aucun crédit n'a été débité : {what}. Dès que le ticket sera corrigé, le débit se fera tout seul. ({code})",
    "en": "No credits were charged: {what}. Once the ticket says it, it is charged by itself. ({code})",
}


def note(reason: str, language: str, code: str) -> str:
    """The internal note. code: by which it is found again."""
    return FRAME[language].format(what=MISSING.get(reason, OTHER)[language], code=code)
