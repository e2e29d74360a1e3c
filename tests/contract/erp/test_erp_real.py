"""The same client against a real Dolibarr: BYTEBRIDGE_TEST_DOLIBARR_URL and _KEY.

Read only, but for the balance of the one third party that _CUSTOMER names, which is put back.
"""

import os
import time
from itertools import islice

import pytest

from bytebridge.connector import Level
from bytebridge.erp.connector import connect
from bytebridge.erp.write_back import Writer
from bytebridge.settings import ErpSettings

URL = os.environ.get("BYTEBRIDGE_TEST_DOLIBARR_URL")
KEY = os.environ.get("BYTEBRIDGE_TEST_DOLIBARR_KEY", "")
CUSTOMER = os.environ.get("BYTEBRIDGE_TEST_DOLIBARR_CUSTOMER")
pytestmark = [pytest.mark.real, pytest.mark.skipif(not URL, reason="no real Dolibarr is named")]


@pytest.fixture
def erp():
    return connect(
        ErpSettings(url=URL or "", api_key=KEY),
        observe=lambda *_: None,
        sleep=time.sleep,
        monotonic=time.monotonic,
        now=time.time,
    )


def test_key_rights_and_clock_are_sound(erp):
    assert [finding for finding in erp.check() if finding.level == Level.WRONG] == []


def test_invoices_read_in_a_walk_are_read_the_same_by_id(erp):
    (page, *_) = islice(erp.everything(None, None), 1)
    some = page.documents[:5]
    assert {one.id: one for one in erp.by_ids([invoice.id for invoice in some])} == {one.id: one for one in some}


def test_a_second_poll_finds_nothing_changed_and_costs_three_requests_at_most():
    asked = []
    erp = connect(
        ErpSettings(url=URL or "", api_key=KEY),
        observe=lambda _system, operation, *_: asked.append(operation),
        sleep=time.sleep,
        monotonic=time.monotonic,
        now=time.time,
    )
    seen = {}
    cursor = None
    for page in erp.changed(None, lambda _ids: {}, int(time.time()) - 30 * 86_400):
        seen |= {invoice.id: invoice for invoice in page.documents}
        cursor = page.cursor or cursor
    asked.clear()
    pages = erp.changed(cursor, lambda ids: {i: seen[i] for i in ids if i in seen}, None)
    again = [invoice for page in pages for invoice in page.documents]
    assert all(seen.get(invoice.id) == invoice for invoice in again)
    assert again or len(asked) <= 3


def test_an_address_of_an_invoice_leads_back_to_its_third_party(erp):
    (page, *_) = islice(erp.everything(None, None), 1)
    writer = Writer(erp.client, "credit_balance")
    for invoice in [invoice for invoice in page.documents if invoice.emails][:3]:
        assert invoice.customer in writer.find_customer(invoice.emails)
        assert invoice.emails == writer.emails_of(invoice.customer)


@pytest.mark.skipif(not CUSTOMER, reason="no third party may be written to")
def test_a_balance_is_written_once_and_put_back(erp):
    writer = Writer(erp.client, "credit_balance")
    before = writer.balance(CUSTOMER)
    now = int(time.time())
    assert writer.put_balance(CUSTOMER, 4711, now)
    assert not writer.put_balance(CUSTOMER, 4711, now)
    assert writer.balance(CUSTOMER) == 4711
    writer.put_balance(CUSTOMER, int(before or 0), now)
