"""Invoices with their credit notes; kinds, states and lines as the domain reads them."""

import pytest

from bytebridge.domain.model import InvoiceKind, InvoiceLine, InvoiceState

PACK = [("SERVDOLIA60", 1, 60)]


@pytest.fixture
def ana(server):
    return server.customer("Ana", "ana@example.com")


def read(erp):
    pages = erp.changed(None, lambda _ids: {}, None)
    return [document for page in pages for document in page.documents]


def test_an_invoice_carries_all_its_credit_notes_oldest_first(erp, server, ana):
    invoice = server.sell(ana, [("SERVDOLIA60", 3, 60)])
    notes = [server.credit_note(invoice, PACK) for _ in range(3)]
    server.validate(notes[0])
    [family] = read(erp)
    assert [note.id for note in family.credit_notes] == notes
    assert [note.state for note in family.credit_notes] == [
        InvoiceState.OPEN,
        InvoiceState.DRAFT,
        InvoiceState.DRAFT,
    ]
    assert {note.source for note in family.credit_notes} == {invoice}
    assert all(note.credit_notes == () and not note.source_missing for note in family.credit_notes)


def test_a_note_alone_in_its_window_brings_its_whole_family(erp, server, ana, clock):
    invoice = server.sell(ana, [("SERVDOLIA60", 3, 60)])
    older = server.credit_note(invoice, PACK)
    clock.pass_hours(200)
    newer = server.credit_note(invoice, PACK)
    server.validate(newer)
    cursor = f'{{"swept": {clock()}}}'
    pages = list(erp.changed(cursor, lambda _ids: {}, None))
    [family] = pages[0].documents
    assert (family.id, [note.id for note in family.credit_notes]) == (invoice, [older, newer])
    lists = [request for request in server.requests if request.path.endswith("/invoices")]
    assert len(lists) == 3


def test_a_family_stands_once_on_a_page(open_erp, server, ana):
    invoices = [server.sell(ana, [("SERVDOLIA60", 2, 60)]) for _ in range(2)]
    for invoice in invoices * 2:
        server.validate(server.credit_note(invoice, PACK))
    assert [family.id for family in read(open_erp(server))] == invoices
    assert [family.id for family in read(open_erp(server, limit=4))] == [*invoices, *invoices]


def test_a_note_without_a_source_stays_alone(erp, server, ana):
    note = server.credit_note(None, PACK, socid=ana)
    server.validate(note)
    [document] = read(erp)
    assert (document.id, document.kind, document.source) == (note, InvoiceKind.CREDIT_NOTE, None)
    assert not document.source_missing
    assert document.emails == ("ana@example.com",)


def test_a_note_whose_source_cannot_be_read_says_so(erp, server, ana):
    invoice = server.sell(ana, PACK)
    note = server.credit_note(invoice, PACK)
    del server.invoices[int(invoice)]
    [document] = read(erp)
    assert (document.id, document.source, document.source_missing) == (note, invoice, True)


def test_a_source_that_a_list_leaves_out_is_asked_for_by_itself(erp, server, ana):
    invoice = server.sell(ana, PACK)
    note = server.credit_note(invoice, PACK)
    server.unloadable = {invoice}
    [document] = read(erp)
    assert (document.id, [one.id for one in document.credit_notes]) == (invoice, [note])


def test_a_family_with_an_unreadable_member_is_left_out_whole(erp, server, ana):
    invoice = server.sell(ana, PACK)
    note = server.credit_note(invoice, PACK)
    other = server.sell(ana, PACK)
    server.invoices[int(note)]["type"] = 9
    pages = erp.changed(None, lambda _ids: {}, None)
    assert [document.id for document in next(pages).documents] == [other]


def test_a_credit_note_asked_for_by_id_brings_its_family(erp, server, ana):
    invoice = server.sell(ana, PACK)
    note = server.credit_note(invoice, PACK)
    [family] = erp.by_ids([note])
    assert (family.id, [member.id for member in family.credit_notes]) == (invoice, [note])


def test_a_replacement_is_an_invoice_and_no_note_of_what_it_replaces(erp, server, ana):
    old = server.invoice(ana, PACK)
    server.validate(old)
    new = server.replace(old, PACK)
    server.pay(new)
    first, second = read(erp)
    assert (first.id, first.state, first.close_code, first.credit_notes) == (
        old,
        InvoiceState.ABANDONED,
        "replaced",
        (),
    )
    assert (second.id, second.kind, second.state, second.source) == (
        new,
        InvoiceKind.STANDARD,
        InvoiceState.PAID,
        None,
    )


def test_notes_of_a_paid_invoice_move_only_their_own_row(erp, server, ana, clock):
    invoice = server.sell(ana, PACK)
    before = server.invoices[int(invoice)]["tms"]
    clock.pass_hours(60)
    note = server.credit_note(invoice, PACK)
    server.validate(note)
    server.refund(note)
    assert server.invoices[int(invoice)]["tms"] == before
    pages = list(erp.changed(f'{{"swept": {clock()}}}', lambda _ids: {}, None))
    [family] = pages[0].documents
    assert (family.id, family.credit_notes[0].state) == (invoice, InvoiceState.PAID)


def in_state(server, ana, name):
    invoice = server.invoice(ana, PACK)
    if name == "draft":
        return invoice
    server.validate(invoice)
    match name:
        case "part paid":
            server.pay_part(invoice, 20)
        case "paid":
            server.pay(invoice)
        case "paid by hand":
            server.close_by_hand(invoice)
        case "given up":
            server.pay_part(invoice, 20)
            server.classify(invoice, "discount_vat")
        case "bad customer":
            server.classify(invoice, "badcustomer")
        case "abandoned":
            server.abandon(invoice)
        case "abandoned with money":
            server.pay_part(invoice, 20)
            server.abandon(invoice)
        case "reopened":
            server.pay(invoice)
            server.reopen(invoice)
        case "reopened, payment deleted":
            server.pay(invoice)
            server.reopen(invoice, delete_payment=True)
        case "back to draft":
            server.back_to_draft(invoice)
    return invoice


@pytest.mark.parametrize(
    ("name", "state", "close_code", "received"),
    [
        ("draft", InvoiceState.DRAFT, None, False),
        ("validated", InvoiceState.OPEN, None, False),
        ("back to draft", InvoiceState.DRAFT, None, False),
        ("part paid", InvoiceState.OPEN, None, True),
        ("paid", InvoiceState.PAID, None, True),
        ("paid by hand", InvoiceState.PAID, None, False),
        ("given up", InvoiceState.GIVEN_UP, "discount_vat", True),
        ("bad customer", InvoiceState.GIVEN_UP, "badcustomer", False),
        ("abandoned", InvoiceState.ABANDONED, "abandon", False),
        ("abandoned with money", InvoiceState.ABANDONED, "abandon", True),
        ("reopened", InvoiceState.OPEN, None, True),
        ("reopened, payment deleted", InvoiceState.OPEN, None, False),
    ],
)
def test_only_the_flag_says_paid(name, state, close_code, received, *, erp, server, ana):
    invoice = in_state(server, ana, name)
    [document] = erp.by_ids([invoice])
    assert (document.state, document.close_code, document.received) == (state, close_code, received)


def test_a_deposit_is_its_own_kind(erp, server, ana):
    deposit = server.deposit(ana, 100)
    server.validate(deposit)
    server.pay(deposit)
    [document] = erp.by_ids([deposit])
    assert (document.kind, document.state) == (InvoiceKind.DEPOSIT, InvoiceState.PAID)


@pytest.mark.parametrize(
    ("number", "kind"), [(0, "standard"), (1, "standard"), (3, "deposit"), (4, "other"), (5, "standard")]
)
def test_kinds(number, kind, erp, server, ana):
    invoice = server.sell(ana, PACK)
    server.invoices[int(invoice)]["type"] = number
    [document] = erp.by_ids([invoice])
    assert document.kind == kind


@pytest.mark.parametrize(
    ("quantity", "price", "units"),
    [
        (2, 60, "2"),
        (-1, 60, "-1"),
        (1, -60, "-1"),
        ("0.5", 60, "0.5"),
        (100, 1, "100"),
        (0, 60, "0"),
        (2, 0, "2"),
    ],
)
def test_units_of_an_invoice_carry_their_sign(quantity, price, units, *, erp, server, ana):
    invoice = server.invoice(ana, [("SERVDOLIA60", quantity, price)])
    [document] = erp.by_ids([invoice])
    assert document.lines == (InvoiceLine("SERVDOLIA60", units, product="1"),)


@pytest.mark.parametrize(("quantity", "price"), [(2, 60), (-2, 60), (2, -60)])
def test_units_of_a_credit_note_have_no_sign(quantity, price, erp, server, ana):
    invoice = server.sell(ana, PACK)
    server.credit_note(invoice, [("SERVDOLIA60", quantity, price)])
    [family] = erp.by_ids([invoice])
    assert family.credit_notes[0].lines == (InvoiceLine("SERVDOLIA60", "2", product="1"),)


def test_an_offered_pack_is_a_pack_and_free_text_is_none(erp, server, ana):
    invoice = server.sell(ana, [("SERVDOLIA60", 1, 60, 100), (None, 1, -5)])
    [document] = erp.by_ids([invoice])
    assert document.lines == (InvoiceLine("SERVDOLIA60", "1", product="1"), InvoiceLine(None, "-1"))


def test_a_renamed_product_does_not_rename_old_lines(erp, server, ana):
    invoice = server.sell(ana, PACK)
    erp.by_ids([invoice])
    server.rename_product("SERVDOLIA60", "OLD-PACK")
    [document] = erp.by_ids([invoice])
    assert document.lines[0].reference == "SERVDOLIA60"
    [line] = server.requests[-1:]
    assert line.path.endswith("/invoices")


def test_products_are_asked_for_once(erp, server, ana):
    server.sell(ana, [("SERVDOLIA60", 1, 60), ("SERVDOLIA120", 1, 120)])
    read(erp)
    server.sell(ana, [("TRAINING", 1, 500), ("SERVDOLIA60", 1, 60)])
    read(erp)
    asked = [request.arg("sqlfilters") for request in server.requests if request.path.endswith("/products")]
    assert asked == ["(t.rowid:IN:1,2)", "(t.rowid:IN:3)"]


def test_a_product_that_the_key_may_not_see_goes_by_its_line(erp, server, ana):
    invoice = server.sell(ana, PACK)
    server.user.rights.discard("service/lire")
    [document] = erp.by_ids([invoice])
    assert document.lines[0].reference == "SERVDOLIA60"


def test_marks_times_and_names(erp, server, clock):
    marie = server.customer("Marie", "marie@example.com", language="fr_FR")
    invoice = server.sell(
        marie, PACK, date="2026-10-05", ref_client="WEB-1", ref_ext="PS-2", module_source="prestashop"
    )
    [document] = erp.by_ids([invoice])
    assert document.marks == ("WEB-1", "PS-2", "prestashop")
    assert (document.name, document.language, document.customer) == ("Marie", "fr", marie)
    assert (document.date, document.created_at) == (1791151200, clock())
    assert document.code == "FA2610-0001"


def test_a_number_given_out_again_is_another_document(erp, server, ana):
    first = server.invoice(ana, PACK)
    server.validate(first)
    code = erp.by_ids([first])[0].code
    server.delete(first)
    second = server.sell(ana, PACK)
    [document] = erp.by_ids([second])
    assert (document.code, document.id == first) == (code, False)


def test_a_merged_customer_shows_in_its_invoices(erp, server, ana, clock):
    invoice = server.sell(ana, PACK)
    keep = server.customer("Keep", "keep@example.com")
    clock.pass_hours(100)
    server.merge_customers(keep, ana)
    pages = list(erp.changed(f'{{"swept": {clock()}}}', lambda _ids: {}, None))
    [document] = pages[0].documents
    assert (document.id, document.customer, document.emails) == (invoice, keep, ("keep@example.com",))


def test_hundreds_that_change_at_once_fit_an_address_line(erp, server, clock):
    """Of rows that are mostly known as many are asked for at once as will come, and all of them may have changed."""
    server.next_ids["invoices"] = 1_000_000
    firm = server.customer("Firm", "firm@example.com")
    ids = [server.sell(firm, PACK) for _ in range(850)]
    cursor = None
    for _ in range(2):
        *_, last = erp.changed(cursor, lambda _ids: {}, None)
        cursor = last.cursor
        clock.pass_hours(1)
    for invoice in ids:
        server.reopen(invoice)
    server.requests.clear()
    met = [document.id for page in erp.changed(cursor, lambda _ids: {}, None) for document in page.documents]
    assert met == ids
    assert len(server.requests) < 12
