"""Third parties and their contacts: whom a document belongs to, and who else holds the same address."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bytebridge.domain.accounts import normalise
from bytebridge.erp.client import SYSTEM, Client, batches
from bytebridge.erp.filters import by_addresses, ids_in, is_id
from bytebridge.erp.wire import addresses, distinct, language, reference_id, text
from bytebridge.errors import RemoteSurprise

IDS_A_QUERY = 100


@dataclass(frozen=True, slots=True)
class Customer:
    """A third party. emails: its own, then those of contacts that are no other's; all of them if nothing else is left.

    elsewhere: those of the other contacts. shared: another third party holds one of its own, or all there are.
    """

    name: str
    language: str | None
    emails: tuple[str, ...]
    elsewhere: tuple[str, ...]
    shared: bool


UNSEEN = Customer("", None, (), (), shared=False)


class Customers:
    """Third parties as last read; those new on a page cost one call of each sort."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, Customer] = {}

    def forget(self) -> None:
        """Everything is read again when next needed."""
        self._known = {}

    def find(self, socids: Iterable[str], changed: Collection[str] = ()) -> dict[str, Customer]:
        """These third parties; read are those not known yet and those of documents that changed.

        One that the ERP does not show, merged away or hidden from this key, has no name and no address.
        """
        wanted = {socid for socid in socids if is_id(socid)}
        # another walk may forget at any time: what is returned must not depend on what is remembered by then
        found = {socid: known for socid, known in self._known.items() if socid in wanted - set(changed)}
        for batch in batches(sorted(wanted - found.keys(), key=int), IDS_A_QUERY):
            found |= self._read(batch)
        self._known = {**self._known, **found}
        return dict.fromkeys(wanted, UNSEEN) | found

    def _read(self, socids: Collection[str]) -> dict[str, Customer]:
        parties = third_parties(self._client, ids_in("t.rowid", socids))
        people = contacts(self._client, {"thirdparty_ids": ",".join(socids)})
        own = {socid: addresses(party.get("email")) for socid, party in parties.items()}
        every = {socid: distinct([*own[socid], *people.get(socid, ())]) for socid in parties}
        holders = find_holders(self._client, [address for found in every.values() for address in found])
        found: dict[str, Customer] = {}
        for socid, party in parties.items():
            twice = {address for address in every[socid] if holders.get(spelling(address), set()) - {socid}}
            emails = tuple(one for one in every[socid] if one in own[socid] or one not in twice) or every[socid]
            found[socid] = Customer(
                name=text(party.get("name")),
                language=language(party.get("default_lang")),
                emails=emails,
                elsewhere=tuple(one for one in every[socid] if one not in emails),
                shared=bool(twice.intersection(own[socid] or emails)),
            )
        return found


def third_parties(client: Client, condition: str) -> dict[str, Mapping[str, Any]]:
    """Third parties by id, those that meet the condition."""
    rows = client.rows(
        "/thirdparties",
        {"limit": "0", "sqlfilters": condition, "properties": "id,name,email,status,default_lang"},
    )
    return {_read_id(row.get("id"), "GET /thirdparties"): row for row in rows}


def contacts(client: Client, params: Mapping[str, str]) -> dict[str, list[str]]:
    """Addresses of active contacts, by third party."""
    rows = client.rows("/contacts", {"limit": "0", "properties": "id,socid,email,statut", **params})
    found: dict[str, list[str]] = {}
    for row in rows:
        if reference_id(row.get("socid")) is not None and text(row.get("statut")) != "0":
            socid = _read_id(row.get("socid"), "GET /contacts")
            found.setdefault(socid, []).extend(addresses(row.get("email")))
    return found


def _read_id(stated: object, operation: str) -> str:
    """RemoteSurprise where it is none: left out, a third party would miss its balance, or share its address unseen."""
    identity = text(stated)
    if not is_id(identity):
        raise RemoteSurprise(SYSTEM, operation, "a third party's id that is none")
    return identity


def find_holders(client: Client, wanted: Iterable[str]) -> dict[str, set[str]]:
    """Third parties that hold each of these addresses, themselves or by a contact; keys as `spelling` gives them.

    An address that could not stand in a filter is nobody's.
    """
    asked = {spelling(address) for address in wanted}
    holders: dict[str, set[str]] = {}
    for condition in by_addresses(sorted(asked)):
        own = {socid: addresses(party.get("email")) for socid, party in third_parties(client, condition).items()}
        for found in (own, contacts(client, {"sqlfilters": condition})):
            for socid, held in found.items():
                for address in asked & {spelling(address) for address in held}:
                    holders.setdefault(address, set()).add(socid)
    return holders


def spelling(address: str) -> str:
    """The form in which accounts compare it: two third parties that write one address differently share it."""
    return normalise(address) or address.casefold()
