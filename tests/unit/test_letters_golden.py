"""Each kind of letter in each language, word for word as a person has read it aloud."""

from pathlib import Path

import pytest

from bytebridge.domain.letter import NoticeKind
from bytebridge.notices.render import render
from bytebridge.notices.samples import samples

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("language", ["es", "fr", "en"])
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_letters_read_as_they_were_read_aloud(kind, language):
    shown = []
    for title, letter in samples(kind, language).items():
        rendered = render(letter, zone="Europe/Madrid")
        shown.append(f"--- {title}\nSubject: {rendered.subject}\n\n{rendered.text}")
    assert "\n".join(shown) == (GOLDEN / f"{kind.value}.{language}.txt").read_text("utf-8")
