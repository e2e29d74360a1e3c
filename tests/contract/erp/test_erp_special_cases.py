"""Each recorded special case, read by the real client, is worth what the notes say."""

import json
import re
from pathlib import Path

import pytest

from bytebridge.domain.model import InvoiceKind, InvoiceState

EXPECTED = json.loads(
    (Path(__file__).parents[2] / "recordings" / "dolibarr" / "expected.json").read_text(encoding="utf-8")
)


def worth(document):
    """Credits and standing by a rule of four sentences, written without the domain's."""
    found = [(re.fullmatch(r"SERVDOLIA(\d+)", line.reference or ""), line.units) for line in document.lines]
    packs = [(int(match[1]), units) for match, units in found if match]
    note = document.kind is InvoiceKind.CREDIT_NOTE
    if note and document.state in (InvoiceState.OPEN, InvoiceState.PAID):
        return (-sum(size * int(units) for size, units in packs), "granted") if packs else (0, "flagged")
    if document.kind is not InvoiceKind.STANDARD:
        return 0, "none"
    if document.state is InvoiceState.PAID:
        if any("." in units for _, units in packs):
            return 0, "review"
        return sum(size * int(units) for size, units in packs), "granted" if document.received else "flagged"
    if document.received and document.state is InvoiceState.GIVEN_UP:
        return 0, "review"
    return 0, "flagged" if document.received and document.state is InvoiceState.ABANDONED else "none"


@pytest.fixture
def members(recorded, open_erp):
    """Every recorded invoice and credit note by id, out of the families that a first load brings."""
    pages = open_erp(recorded).changed(None, lambda _ids: {}, None)
    families = [document for page in pages for document in page.documents]
    return {member.id: member for family in families for member in (family, *family.credit_notes)}


def test_no_case_is_missing(members):
    assert members.keys() == EXPECTED.keys()


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: f"{case}: {EXPECTED[case]['what']}")
def test_case(case, members):
    expected = EXPECTED[case]
    member = members[case]
    assert worth(member) == (expected["credits"], expected["stands"])
    assert (member.name, member.emails[0]) == (expected["customer"], expected["email"])


def test_notes_stand_in_the_family_of_their_source(recorded, open_erp):
    pages = open_erp(recorded).changed(None, lambda _ids: {}, None)
    families = {document.id: document for page in pages for document in page.documents}
    noted = {key: [note.id for note in family.credit_notes] for key, family in families.items()}
    assert {key: notes for key, notes in noted.items() if notes} == {
        "42": ["43"],
        "44": ["45"],
        "54": ["55"],
        "56": ["57"],
        "58": ["59"],
        "85": ["86"],
    }
    assert not any(family.kind is InvoiceKind.CREDIT_NOTE for family in families.values())


def test_shared_addresses_of_the_recordings(members):
    shared = {member.customer for member in members.values() if member.shared}
    assert shared == {"9"}
    larch, maple = ({member.emails for member in members.values() if member.customer == one} for one in ("12", "13"))
    assert larch == {("contact@larch.example.com", "sam.doe@larch.example.com", "kim.roe@larch.example.com")}
    assert maple == {("contact@maple.example.com",)}  # the twin of both tells nothing of either


def test_marks_of_the_recordings(members):
    assert {key: member.marks for key, member in members.items() if member.marks} == {
        "38": ("PS-2001",),
        "78": ("WEB-1001",),
    }
