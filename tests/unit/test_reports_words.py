import pytest

from bytebridge.domain.entry import EntryKind
from bytebridge.domain.model import Kind
from bytebridge.reports import overview_words, words


@pytest.mark.parametrize("tables", [words.TABLES, overview_words.TABLES], ids=["statement", "overview"])
def test_every_language_has_the_same_words_and_blanks(tables):
    blanks = {
        language: {key: sorted(part.split("}")[0] for part in text.split("{")[1:]) for key, text in table.items()}
        for language, table in tables.items()
    }
    assert set(tables) == {"es", "fr", "en"}
    assert blanks["es"] == blanks["fr"] == blanks["en"]
    assert all(text.strip() for table in tables.values() for text in table.values())


@pytest.mark.parametrize("language", ["es", "fr", "en"])
def test_every_kind_has_a_name(language):
    names = {kind: words.kind_name(kind, language) for kind in [*Kind, *EntryKind]}
    assert all(name and name != kind for kind, name in names.items())
    assert len({names[kind] for kind in Kind}) == len(Kind)
    assert words.kind_name("lunch", language) == "lunch"


def test_unknown_language_is_the_firms_own():
    assert words.words("de") == words.words("es")
