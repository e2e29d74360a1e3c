"""A simulated PrestaShop webservice, versions 9.1.4 and 8.2.4: its keys, its filter grammar, its errors.

It behaves as the real ones were recorded, traps included; a request that nothing is known about is refused.
"""

import base64
import hashlib
import re
import time

from bytebridge.sandbox.prestashop_books import Books
from bytebridge.sandbox.prestashop_fields import FIELDS, PLURALS, SINGULARS, TRANSLATED, spelt
from bytebridge.sandbox.prestashop_query import Refusal, comparable, condition, displayed, sort_keys, window
from bytebridge.sandbox.web import Reply, Simulator, json_reply

KEY = "EXAMPLEKEYREADALL000000000000001"
ORDERS_ONLY = "EXAMPLEKEYORDERS0000000000000002"
INACTIVE = "EXAMPLEKEYINACTIVE00000000000004"
NO_PERMISSION = "EXAMPLEKEYNOPERM0000000000000005"
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD")
PARAMETERS = re.compile(r"output_format|io_format|display|sort|limit|date|language|id_shop|ws_key|filter\[\w+\]")
NEEDED = (
    "orders",
    "order_details",
    "order_slip",
    "order_histories",
    "order_states",
    "customers",
    "languages",
)


class PrestaShop(Simulator):
    """What people do is in `books`, whose actions can be called on the shop itself: `shop.buy(...)`.

    keys: key -> {resource: methods}; those named above are there from the start. disabled: the webservice is
    switched off. drops_authorization: a host that eats the header. debug: errors without PHP noise, as 400.
    prints: bytes that a module puts before every JSON. ignored: parameter names a firewall removes
    ("sort", "filter"). multishop: without `sort`, orders come out of order. missing_shop: every request is
    sent to the front page.
    """

    def __init__(self, version="9.1.4", *, now=time.time, port=0, time_zone="Europe/Madrid", books=None, key=KEY):
        super().__init__(now, port)
        self.version = version
        self.old = not version.startswith("9")
        self.books = books or Books(self._clock, time_zone, old=self.old).furnish()
        every = {resource: {"GET", "HEAD"} for resource in FIELDS if resource != "configurations"}
        self.keys = {key: every, ORDERS_ONLY: {"orders": {"GET"}}, NO_PERMISSION: {}}
        self.shops = {key: None}  # shops a key may see; None: all
        self.disabled = self.drops_authorization = self.debug = self.multishop = self.missing_shop = False
        self.prints = b""
        self.ignored = set()

    @classmethod
    def from_recordings(cls, folder, version="9.1.4", **options):
        """The shop of the recordings in this folder, 58 orders, as this version answers."""
        shop = cls(version, **options)
        books = Books(shop._clock, str(shop.books.zone), old=shop.old)
        shop.books = books.load(folder, "v8" if shop.old else "v9")
        return shop

    def _clock(self):
        return self.now()

    def __getattr__(self, name):
        """An action of the books, under the lock that the server answers under."""
        if name.startswith("_") or "books" not in self.__dict__:
            raise AttributeError(name)
        action = getattr(self.books, name)
        if not callable(action):
            return action

        def locked(*args, **kwargs):
            with self.lock:
                return action(*args, **kwargs)

        return locked

    def grant(self, key, resource, *methods):
        with self.lock:
            self.keys.setdefault(key, {})[resource] = set(methods or ("GET",))

    def revoke(self, key, resource):
        with self.lock:
            self.keys[key].pop(resource, None)

    def handle(self, request):
        if not request.path.startswith("/api"):
            return self.refuse(request, "not the webservice")
        if self.missing_shop:
            return Reply(302, b"", "text/html", {"Location": f"{self.url}/", **self._cookie()})
        seen = [name for name, _ in request.query if not PARAMETERS.fullmatch(name)]
        if seen:
            return self.refuse(request, f"unknown parameter {seen[0]}")
        try:
            return self._signed(self._answer(request))
        except Refusal as fault:
            return self._failed(request, fault)

    def _answer(self, request):
        if self.disabled:
            raise Refusal(503, 22)
        rights = self._rights(request)
        resource, _, rest = request.path.removeprefix("/api").strip("/").partition("/")
        if not resource:
            return self._listing(request, rights)
        if resource not in FIELDS:
            if resource in UNTOLD:
                return self.refuse(request, "a resource the notes do not tell about")
            raise Refusal(400, 27)
        if resource not in rights:
            raise Refusal(401, 26)
        if request.method not in rights[resource]:
            raise Refusal(405, 25)
        if request.method not in ("GET", "HEAD"):
            return self.refuse(request, "nothing is ever written to the shop")
        self._check_shop(request)
        found = self._single(request, resource, rest) if rest else self._list(request, resource)
        return self._unchanged(request, found)

    def _rights(self, request):
        key = self._key(request)
        if len(key) != 32:
            raise Refusal(401, 18)
        known = next((name for name in self.keys if name.lower() == key.lower()), None)
        if known is None:
            raise Refusal(401, 20, 21)
        if not self.keys[known]:
            raise Refusal(401, 21)
        return self.keys[known]

    def _key(self, request):
        header = request.headers.get("authorization", "") if not self.drops_authorization else ""
        if header.startswith("Basic "):
            user, _, password = base64.b64decode(header[6:]).decode().partition(":")
            if not user and password:
                raise Refusal(401, 17)
            return user
        if key := request.arg("ws_key"):
            return key
        raise Refusal(401)

    def _check_shop(self, request):
        wanted = request.arg("id_shop", "1")
        if wanted != "all" and int(wanted) not in self.books.tables["shops"].rows:
            raise Refusal(302, redirect=True)
        key = self._key(request)
        allowed = next((shops for name, shops in self.shops.items() if name.lower() == key.lower()), None)
        if allowed is not None and wanted != "all" and int(wanted) not in allowed:
            raise Refusal(403, 132)

    def _json(self, request):
        header = request.headers.get("io-format") or request.headers.get("output-format")
        asked = header or request.arg("output_format") or request.arg("io_format")
        return asked == "JSON"

    def _signed(self, reply):
        """The headers of an authenticated answer, and what a module prints into it."""
        body, kind = reply.body, reply.content_type
        if self.prints and kind == "application/json":
            body, kind = self.prints + body, "application/javascript"
        headers = {
            "PSWS-Version": self.version,
            "Content-Sha1": hashlib.sha1(body, usedforsecurity=False).hexdigest(),
            "Execution-Time": "0.021",
            "Access-Time": str(int(self.now())),
            **self._cookie(),
            **reply.headers,
        }
        return Reply(reply.status, body, kind, headers)

    def _cookie(self):
        return {"Set-Cookie": f"PrestaShop-{'0' * 32}=nothing; path=/; HttpOnly"}

    def _failed(self, request, fault):
        if fault.redirect:
            return Reply(302, b"", "text/html", {"Location": f"{self.url}/?url=orders", **self._cookie()})
        if not fault.codes:
            if fault.status == 401:
                return Reply(401, b"401 Unauthorized", "text/html", {"WWW-Authenticate": "Basic", **self._cookie()})
            return Reply(fault.status, b"", "text/html", self._cookie())
        status, codes = fault.status, list(fault.codes)
        if status == 500:
            status, codes = (400, codes) if self.debug else (500, codes + [3] * 4)
        known = not set(codes) & {16, 17, 18, 19, 20, 21, 22}
        headers = {"PSWS-Version": self.version if known else "0", **self._cookie()}
        errors = [{"code": code, "message": MESSAGES[code]} for code in codes]
        if self._json(request):
            return json_reply({"errors": errors}, status, **headers)
        listed = "".join(
            f"<error>\n<code><![CDATA[{e['code']}]]></code>\n<message><![CDATA[{e['message']}]]></message>\n</error>\n"
            for e in errors
        )
        return Reply(status, _xml(f"<errors>\n{listed}</errors>"), "text/xml", headers)

    def _unchanged(self, request, reply):
        if request.headers.get("local-content-sha1") == hashlib.sha1(reply.body, usedforsecurity=False).hexdigest():
            return Reply(304, b"", reply.content_type)
        return reply

    def _listing(self, request, rights):
        """What the key may do; asked for as JSON it crashes."""
        if self._json(request):
            raise Refusal(500)
        lines = []
        for resource, methods in rights.items():
            flags = " ".join(f'{m.lower()}="{"true" if m in methods else "false"}"' for m in METHODS)
            link = f'xlink:href="{self.url}/api/{resource}"'
            lines.append(
                f"<{resource} {link} {flags}>\n<description {link} {flags}>\nThe {resource}</description>\n"
                f'<schema {link}?schema=blank" type="blank"/>\n</{resource}>\n'.replace('"?', "?")
            )
        return Reply(200, _xml(f'<api shopName="Shop Example">\n{"".join(lines)}</api>'), "text/xml")

    def _list(self, request, resource):
        fields = displayed(request.arg("display"), resource)
        language = self._translation(request)
        tests = [condition(request, resource, name, value) for name, value in self._filters(request)]
        keys = sort_keys(request, resource) if "sort" not in self.ignored else []
        start, count = window(request.arg("limit"))
        rows = self._matching(request, resource, tests, keys, None if count is None else start + count)
        rows = rows[start : None if count is None else start + count]
        shown = [self._shown(resource, row, fields, language, place) for place, row in enumerate(rows)]
        if not self._json(request):
            tags = "".join(f'<{resource[:-1]} id="{row["id"]}"/>\n' for row in rows)
            return Reply(200, _xml(f"<{resource}>\n{tags}</{resource}>"), "text/xml")
        return json_reply({PLURALS.get(resource, resource): shown} if shown else [])

    def _single(self, request, resource, rest):
        record = self.books.tables[resource].rows.get(int(rest)) if rest.isdecimal() else None
        if record is None:
            return Reply(404, b"", "text/html")
        fields = displayed(request.arg("display"), resource)
        language = self._translation(request)
        if request.arg("display"):
            shown = self._shown(resource, record, fields, language, 0)
            return json_reply({PLURALS.get(resource, resource): [shown]})
        every = self._shown(resource, record, displayed("full", resource), language, 0)
        kept = {name: value for name, value in every.items() if value not in ("", "0", 0, None)}
        return json_reply({SINGULARS.get(resource, resource[:-1]): kept})

    def _filters(self, request):
        if "filter" in self.ignored:
            return []
        return [(name[7:-1], value) for name, value in request.query if name.startswith("filter[")]

    def _candidates(self, resource, tests):
        """Ids to look at, in order: narrowed by an id or an indexed field where a filter names them."""
        table = self.books.tables[resource]
        for field, values, _ in tests:
            if values is None:
                continue
            if field == "id":
                if isinstance(values, tuple):
                    return table.after(values[0])
                return sorted({int(v) for v in values if v.isdecimal() and int(v) in table.rows})
            if field in table.indexes:
                wanted = {int(v) for v in values if v.isdecimal()} if not isinstance(values, tuple) else None
                if wanted is not None:
                    return sorted(id_ for v in wanted for id_ in table.indexes[field].get(v, ()))
        return table.ids

    def _matching(self, request, resource, tests, keys, enough):
        table = self.books.tables[resource]
        shop = request.arg("id_shop", "1")
        in_order = keys == [("id", False)]
        found = []
        for id_ in self._candidates(resource, tests):
            row = table.rows[id_]
            if resource == "orders" and shop != "all" and row["id_shop"] != int(shop):
                continue
            if all(test(row) for _, _, test in tests):
                found.append(row)
                if in_order and enough is not None and len(found) >= enough:
                    break
        return found if in_order else self._ordered(resource, found, keys)

    def _ordered(self, resource, rows, keys):
        if not keys:
            if resource == "order_payments":  # out of an index on the reference
                return sorted(rows, key=lambda row: row["order_reference"])
            if resource == "orders" and self.multishop:
                return sorted(rows, key=lambda row: (-row["id_shop"], -row["id"]))
            return rows
        for field, descending in reversed(keys):
            rows = sorted(rows, key=lambda row: comparable(resource, field, row[field]), reverse=descending)
        return rows

    def _translation(self, request):
        language = request.arg("language")
        if language is None:
            return None
        if not language.isdecimal() or int(language) not in self.books.tables["languages"].rows:
            raise Refusal(400, 81)
        return int(language)

    def _shown(self, resource, record, fields, language, place):
        own, parts = fields
        shown = {
            field: self._value(resource, record, field, language, place) for field in FIELDS[resource] if field in own
        }
        associations = {
            name: [
                {field: spelt(resource, field, row.get(field, ""), old=self.old, part=True) for field in names}
                for row in rows
            ]
            for name, names in parts.items()
            if (rows := self._parts(resource, name, record["id"]))
        }
        return {**shown, **({"associations": associations} if associations else {})}

    def _value(self, resource, record, field, language, place):
        if (resource, field) in TRANSLATED:
            names = self.books.translations.get((resource, record["id"]), {})
            if language is not None:
                return names.get(language, record[field])
            several = self.books.tables["languages"].ids
            return (
                [{"id": str(one) if self.old else one, "value": names.get(one, record[field])} for one in several]
                if len(several) > 1
                else record[field]
            )
        return spelt(resource, field, record[field], old=self.old, row=place)

    def _parts(self, resource, name, id_):
        if name == "order_rows":
            return self.books.rows_of(id_)
        if name == "taxes":
            return [{"id": 1}]
        return self.books.parts[resource].get(id_, [])


def _xml(inner):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<prestashop xmlns:xlink="http://www.w3.org/1999/xlink">\n'
        f"{inner}\n</prestashop>\n"
    ).encode()


MESSAGES = {
    3: "[PHP Warning #2] Trying to access array offset on value of type bool (/var/www/shop/classes/webservice)",
    17: "Authentication key is empty",
    18: "Invalid authentication key format",
    20: "Authentification key is not active",
    21: "No permission for this authentication key",
    22: "The PrestaShop webservice is disabled. Please activate it in the PrestaShop Back Office",
    25: "Method is not allowed for the resource with this authentication key",
    26: "Resource is not allowed with this authentication key",
    27: "Resource does not exists.",
    32: "This filter does not exist.",
    33: "Some filters are not well formed",
    35: "Unable to display this field.",
    36: "The display value has to be well formed",
    37: 'The "sort" value has to be formed as this example: "field_ASC"',
    38: "Unable to filter by this field.",
    81: "The language does not exist",
    132: "This key may not use this shop",
}
UNTOLD = {"carts", "addresses", "carriers", "employees", "order_carriers", "currencies", "stock_availables"}
