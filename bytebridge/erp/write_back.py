"""Writes balance and operations back into the ERP, as copies for people to see (Dolibarr notes §9)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bytebridge.domain.model import Instant
from bytebridge.erp.client import SYSTEM, Client
from bytebridge.erp.customers import contacts, find_holders
from bytebridge.erp.filters import is_id, named
from bytebridge.erp.wire import addresses, distinct, number, text
from bytebridge.errors import RemoteRefused, RemoteRejected, RemoteSurprise

LABEL = 128  # characters; the server cuts the rest off in silence
SYNCED_AT = "credit_synced_at"
NOBODYS = "bytebridge:none"  # a reference that no event has
PAGE = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """A third party as it stands: its own addresses, then its contacts'; the copied balance, None when empty."""

    socid: str
    emails: tuple[str, ...]
    balance: Decimal | None


class Writer:
    """The one writer of one ERP: two at a time would collide there and make an event twice."""

    def __init__(self, client: Client, balance_field: str) -> None:
        self._client = client
        self._field = f"options_{balance_field}"
        self._owner: str | None = None

    def find_customer(self, emails: Iterable[str]) -> list[str]:
        """Third parties that hold one of these addresses, themselves or by a contact, oldest first.

        An address that could not be asked for safely (parentheses, text like SQL) fits nobody.
        """
        found = find_holders(self._client, emails).values()
        return sorted(set().union(*found), key=int)

    def prove_visible(self) -> None:
        """RemoteRefused unless at least one third party can be seen: to a key without the right nobody is there."""
        if not self._client.rows("/thirdparties", {"limit": "1", "properties": "id"}):
            raise RemoteRefused(
                SYSTEM,
                "GET /thirdparties",
                "no third party at all is visible to this key: give its user the right societe/client/voir "
                "(read all third parties), or make the first one",
            )

    def emails_of(self, socid: str) -> tuple[str, ...]:
        """Addresses under a third party: its own, then its active contacts'. RemoteRejected when it is gone.

        It is asked for by itself, since a list skips rows without a word.
        """
        own = addresses(self._party(socid).get("email"))
        people = contacts(self._client, {"thirdparty_ids": socid})
        return distinct([*own, *people.get(socid, ())])

    def balance(self, socid: str) -> Decimal | None:
        """The copy that stands there now; None when empty. RemoteRejected when the third party is gone."""
        return self._stored(_options_of(self._party(socid)))

    def copies(self) -> Iterator[list[Shown]]:
        """Every third party with its addresses and the balance that stands there, for two calls a page."""
        last = 0
        while True:
            params = {
                "limit": str(PAGE),
                "sortfield": "t.rowid",
                "sortorder": "ASC",
                "sqlfilters": f"(t.rowid:>:{last})",
                "properties": "id,email,array_options",
            }
            parties = {
                identity: row
                for row in self._client.rows("/thirdparties", params)
                if is_id(identity := text(row.get("id")))
            }
            if not parties:
                return
            if min(map(int, parties)) <= last:
                raise RemoteSurprise(SYSTEM, "GET /thirdparties", "ids do not rise: the filter is ignored")
            people = contacts(self._client, {"thirdparty_ids": ",".join(parties)})
            yield [
                Shown(
                    socid,
                    distinct([*addresses(party.get("email")), *people.get(socid, ())]),
                    self._stored(_options_of(party)),
                )
                for socid, party in parties.items()
            ]
            last = max(map(int, parties))

    def put_balance(self, socid: str, balance: int, at: Instant) -> bool:
        """Makes the copy say `balance`; False when it did, for every PUT leaves an event in the agenda.

        RemoteRejected: this customer's record is refused for ever, or the balance field does not exist there.
        """
        options = _options_of(self._party(socid))
        if self._stored(options) == balance:
            return False
        sent: dict[str, Any] = _as_shown(options) if empties_others(self._client.version()) else {}
        sent[self._field] = balance
        if f"options_{SYNCED_AT}" in options:
            sent[f"options_{SYNCED_AT}"] = at
        echo = self._put(socid, {"array_options": sent})
        if self._stored(_options_of(echo)) != balance:
            message = f"the balance was not stored as sent: does the extra field {self._field} exist, as a number?"
            raise RemoteRejected(SYSTEM, f"PUT /thirdparties/{socid}", message)
        return True

    def post_event(self, socid: str, ref_ext: str, label: str, note: str, at: Instant) -> None:
        """One agenda event under our reference, unless there is one: the server takes doubles."""
        if self.find_event(ref_ext):
            return
        self._client.post(
            "/agendaevents",
            {
                "type_code": "AC_OTH",
                "label": label[:LABEL],
                "note_private": note,
                "datep": at,
                "datef": at,
                "percentage": 100,
                "userownerid": int(self._own_id()),
                "socid": int(socid),
                "ref_ext": ref_ext,
            },
        )

    def find_event(self, ref_ext: str) -> bool:
        """Whether an event carries our reference, which can be searched for but is never shown.

        RemoteSurprise where one is found whatever is searched for: an ignored filter would swallow every event.
        """
        if not self._has_event(ref_ext):
            return False
        if self._has_event(NOBODYS):
            raise RemoteSurprise(SYSTEM, "GET /agendaevents", "events of any reference: the filter is ignored")
        return True

    def _has_event(self, ref_ext: str) -> bool:
        params = {"sqlfilters": named("t.ref_ext", ref_ext), "properties": "id", "limit": "1"}
        return bool(self._client.rows("/agendaevents", params))

    def _party(self, socid: str) -> Mapping[str, Any]:
        """A third party as it stands. Id 0 is never asked for: the server invents a third party for it."""
        party = self._client.record(f"/thirdparties/{socid}") if is_id(socid) else None
        if party is None:
            raise RemoteRejected(SYSTEM, f"GET /thirdparties/{socid}", "this third party is gone, perhaps merged")
        return party

    def _stored(self, options: dict[str, Any]) -> Decimal | None:
        try:
            return number(options.get(self._field))
        except ValueError:
            return None  # a field of text that somebody filled: to be overwritten

    def _put(self, socid: str, body: dict[str, Any]) -> Any:
        """The answer, tried twice: a collision in its database passes, and a balance can be sent again."""
        path = f"/thirdparties/{socid}"
        try:
            return self._client.put(path, body)
        except RemoteRejected:
            return self._client.put(path, body)

    def _own_id(self) -> str:
        """The id of the key's own user, which every event must name as its owner."""
        if self._owner is None:
            me = own_user(self._client)
            self._owner = text(me.get("id"))
        return self._owner


def own_user(client: Client) -> Any:
    """The key's user with its rights. RemoteRefused names the right it takes to know oneself."""
    operation = "GET /users/info"
    try:
        me = client.record("/users/info", {"includepermissions": "1"})
    except RemoteRefused as error:
        message = "this key may not know its own user: give it the right user/self/creer"
        raise RemoteRefused(SYSTEM, operation, message) from error
    if me is None:
        raise RemoteRefused(SYSTEM, operation, "this key has no user of its own")
    return me


def empties_others(version: tuple[int, ...]) -> bool:
    """Whether a PUT of one extra field empties those it leaves out; where it is not known, assume so."""
    return version < (18, 0, 7) or (19,) <= version < (20, 0, 4)


def _options_of(party: Any) -> dict[str, Any]:
    options = party.get("array_options")
    return dict(options) if isinstance(options, dict) else {}


def _as_shown(options: dict[str, Any]) -> dict[str, Any]:
    """Extra fields to send back unchanged, for servers that empty what is left out."""
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in options.items()}
