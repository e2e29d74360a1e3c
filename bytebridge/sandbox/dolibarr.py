"""A simulated Dolibarr 22: the REST API as far as credits need it, strict, with its faults on switches.

What the real one refuses is refused, what it swallows in silence is swallowed; a request outside its notes is
answered 599 and noted in `outside`.
"""

import json
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from urllib.parse import unquote

from bytebridge.sandbox import dolibarr_answers as answers
from bytebridge.sandbox.dolibarr_books import Books
from bytebridge.sandbox.dolibarr_filter import SqlError, WrongSyntaxError, parse
from bytebridge.sandbox.dolibarr_recorded import fill
from bytebridge.sandbox.dolibarr_tables import TABLES
from bytebridge.sandbox.web import Reply, Simulator

BASE = "/api/index.php"
LONGEST_ADDRESS = 8_000  # what Apache takes by default, less the rest of the line
RIGHTS = (
    "societe/lire", "societe/client/voir", "societe/contact/lire", "societe/creer", "facture/lire", "produit/lire",
    "service/lire", "agenda/myactions/read", "agenda/myactions/create", "user/self/creer",
)  # fmt: skip
LIST_PARAMETERS = {
    "sortfield", "sortorder", "limit", "page", "properties", "pagination_data", "sqlfilters", "thirdparty_ids", "status",
}  # fmt: skip
EMPTY_IS_404_BEFORE = {"thirdparties": (99,), "contacts": (22,)}  # the other lists before 19
# parts of a record that the real one has and our notes do not need; any other name there is a 404
SUBROUTES = {
    "lines",
    "payments",
    "contacts",
    "discount",
    "categories",
    "fixedamountdiscounts",
    "invoices",
    "subproducts",
}
INVOICE_STATUS = {"draft": 0, "unpaid": 1, "paid": 2, "cancelled": 3}
# the real firewall joins everything between its two words, so also what stands in two addresses of one query
FIREWALL = re.compile(r"union.+select|select\s.*from|<\s*script|update[^&=\w].+set.+=", re.IGNORECASE)


@dataclass
class User:
    id: int
    login: str
    rights: set = field(default_factory=set)
    admin: bool = False


class Dolibarr(Books, Simulator):
    """Switches, all off at first: maintenance, api_off, database_down, ip_refused, endpoints_off, production,
    email_mandatory, memory_rows (a longer invoice list kills the server), unloadable (invoices that lists skip),
    put_collisions (so many PUTs fail as in a race), wrong_key_pause_s, ignored (parameters a firewall removes). version changes behaviour where the notes
    know of it. user: owner of `key`.
    """

    def __init__(self, *, version="22.0.4", time_zone="Europe/Madrid", database_zone=None, now=time.time, port=0):
        super().__init__(now=now, port=port)
        self.set_up(time_zone, database_zone)
        self.version = version
        self.key = "erp-0123456789abcdef"
        self.user = User(2, "bytebridge", set(RIGHTS))
        self.users = {self.key: self.user}
        self.maintenance = self.api_off = self.database_down = self.ip_refused = self.production = False
        self.endpoints_off, self.unloadable, self.ignored = set(), set(), set()
        self.email_mandatory = False
        self.memory_rows = None
        self.put_collisions = 0
        self.wrong_key_pause_s = 0.0

    @classmethod
    def from_recordings(cls, folder, **more):
        """A server with the recorded invoices, third parties, contacts and products, under their own ids."""
        server = cls(**{"time_zone": "Europe/Paris", **more})
        fill(server, folder)
        return server

    def hide_customers(self):
        """The invisible ERP: the user sees only customers it represents, and nothing says so."""
        self.user.rights.discard("societe/client/voir")

    @property
    def release(self):
        return tuple(int(part) for part in self.version.split("."))

    def handle(self, request):
        closed = self._closed(request)
        if closed is not None:
            return closed
        if not request.path.startswith(BASE + "/"):
            return answers.html(404, "Not Found")
        parts = request.path.removeprefix(BASE + "/").split("/")
        if parts[0] in self.endpoints_off:
            return answers.html(501, answers.ENDPOINT_OFF.format(parts[0]))
        if parts[0] not in {*TABLES, "status", "users", "setup"}:
            return answers.html(501, answers.NO_ENDPOINT)
        user = self.users.get(request.headers.get("dolapikey"))
        if user is None:
            return self._unknown_key(request)
        if "json" not in request.headers.get("accept", "json") and "*/*" not in request.headers["accept"]:
            message = "Content negotiation failed. Try `application/json` instead."
            return self._refusal(406, message, source="Restler.php:847", stage="negotiate")
        return self._route(request, parts, user)

    def _closed(self, request):
        """Answers of a server that lets nobody in; most come with a status that says success."""
        if self.database_down:
            return answers.html(202, answers.DATABASE_DOWN)
        if self.maintenance:
            return answers.html(200, answers.MAINTENANCE)
        if self.api_off:
            return answers.html(200, answers.API_OFF)
        if self.ip_refused:
            return answers.html(503, answers.IP_REFUSED)
        if len(request.path) + len(request.raw_query) > LONGEST_ADDRESS:
            return answers.html(414, "Request-URI Too Long")
        if any(FIREWALL.search(value) for _, value in request.query) or "%" in unquote(request.path):
            return answers.html(403, answers.FIREWALL)
        return None

    def _unknown_key(self, request):
        if "dolapikey" not in request.headers:
            message = "Failed to login to API. Neither parameter 'HTTP_DOLAPIKEY' nor 'Authentication: Bearer' found"
            return self._refusal(401, message, source="api_access.class.php:284", stage="authenticate")
        if self.wrong_key_pause_s:
            time.sleep(self.wrong_key_pause_s)
        message = "Error user not valid (not found with api key or bad status or bad validity dates) (conf->entity=1)"
        return self._refusal(401, message, source="api_access.class.php:224", stage="authenticate")

    def _refusal(self, status, message="", **more):
        return answers.refusal(status, message, production=self.production, **more)

    def _data(self, value, request):
        zipped = "gzip" in request.headers.get("accept-encoding", "")
        return answers.data(value, compact=self.production, zipped=zipped)

    def _route(self, request, parts, user):
        match request.method, parts:
            case "GET", ["status"]:
                success = {"code": 200, "dolibarr_version": self.version, "access_locked": "0"}
                return self._data({"success": success}, request)
            case "GET", ["users", "info"]:
                return self._own_user(request, user)
            case "GET", ["setup", "extrafields"]:
                message = "Error API open to admin users only or to the users with logins defined into constant"
                return self._refusal(403, message, source="api_setup.class.php:1255")
            case "GET", [name] if name in TABLES:
                return self._list(request, TABLES[name], name, user)
            case "GET", [name, wanted] if name in TABLES:
                return self._one(request, TABLES[name], wanted, user)
            case "PUT", ["thirdparties", wanted]:
                return self._put_party(request, wanted, user)
            case "POST", ["agendaevents"]:
                return self._post_event(request, user)
            case _, [name] if name in TABLES:
                return self._refusal(405, source="Routes.php:457", stage="route")
            case "GET", [name, wanted, route] if name in TABLES and wanted.isdecimal() and route not in SUBROUTES:
                return self._refusal(404, source="Routes.php:457", stage="route")
        return self.refuse(request, "no such call in the notes")

    def _lacks_right(self, table, user):
        if user.admin or any(right in user.rights for right in table.right):
            return None
        return self._no_right(table.source)

    def _no_right(self, source, why=""):
        # up to 19 a missing right was told as a wrong key
        return self._refusal(401 if self.release < (20,) else 403, why, source=f"{source}:200")

    def _sees(self, row, name, user):
        """Without "read all third parties" only customers the user represents are there at all."""
        if name == "products":
            right = "service/lire" if row["fk_product_type"] else "produit/lire"
            return user.admin or right in user.rights
        if user.admin or "societe/client/voir" in user.rights or name == "agendaevents":
            return True
        party = self.parties.get(row["rowid"] if name == "thirdparties" else row["fk_soc"])
        return party is not None and party["rep"] == user.login

    def _list(self, request, table, name, user):
        args = dict(request.query)
        if unknown := set(args) - LIST_PARAMETERS:
            return self.refuse(request, f"ignored by the real one: {sorted(unknown)}")
        args = {name: value for name, value in args.items() if name not in self.ignored}
        if refused := self._lacks_right(table, user):
            return refused
        if wrong := self._wrong_arguments(args, table):
            return wrong
        if "pagination_data" in args and args.get("limit") == "0":
            return Reply(500, b"", answers.HTML)
        try:
            rows = self._found(args, table, name, user)
        except WrongSyntaxError as error:
            status = 503 if self.release < (16,) else 400
            message = f"Error when validating parameter sqlfilters -> {error}"
            return self._refusal(status, message, source=f"{table.source}:247")
        except SqlError as error:
            message = f"Error when retrieve {table.title} list : {error}"
            return self._refusal(503, message, source=f"{table.source}:302")
        return self._page(request, args, table, name, rows)

    def _wrong_arguments(self, args, table):
        for name in ("limit", "page"):
            if not re.fullmatch(r"-?\d+", args.get(name, "0")):
                message = f"Invalid value specified for `{name}`. Expecting integer value"
                return self._refusal(400, message, source="Validator.php:718", stage="validate")
        if not re.fullmatch(r"[\d,]*", args.get("thirdparty_ids", "")):
            message = "Invalid value specified for `thirdparty_ids`"
            return self._refusal(400, message, source="Validator.php:478", stage="validate")
        unknown = [name for name in args.get("sortfield", table.order).split(",") if name not in table.columns]
        if unknown:
            message = f"Error when retrieve {table.title} list : Unknown column '{unknown[0]}' in 'ORDER BY'"
            return self._refusal(503, message, source=f"{table.source}:302")
        return None

    def _found(self, args, table, name, user):
        rows = [row for row in getattr(self, table.rows).values() if self._sees(row, name, user)]
        if args.get("sqlfilters"):
            columns = dict(table.columns)
            if name == "thirdparties":
                rows = [row | {f"ef.{key}": row["options"].get(key) for key in self.extra_fields} for row in rows]
                columns |= {f"ef.{key}": (f"ef.{key}", "number") for key in self.extra_fields}
            rows = list(filter(parse(args["sqlfilters"], columns, self._local), rows))
        if owners := args.get("thirdparty_ids"):
            rows = [row for row in rows if str(row["fk_soc"]) in owners.split(",")]
        if name == "invoices" and args.get("status") in INVOICE_STATUS:
            rows = [row for row in rows if row["fk_statut"] == INVOICE_STATUS[args["status"]]]
        for column in reversed(args.get("sortfield", table.order).split(",")):
            key = table.columns[column][0]
            descending = args.get("sortorder", "ASC").upper() == "DESC"
            rows.sort(key=lambda row: (row[key] is not None, row[key]), reverse=descending)
        return rows

    def _local(self, column, epoch):
        """`tms` is kept in the data base's zone, every other time was written by PHP in its own."""
        zone = self.database_zone if column == "t.tms" else self.zone
        return datetime.fromtimestamp(epoch, zone).replace(tzinfo=None)

    def _page(self, request, args, table, name, rows):
        limit, page = int(args.get("limit", 100)), int(args.get("page", 0))
        shown = rows[page * limit : (page + 1) * limit] if limit > 0 else rows
        if name == "invoices" and self.memory_rows is not None and len(shown) > self.memory_rows:
            return Reply(500, b"", answers.HTML)
        if name == "invoices":
            shown = [row for row in shown if str(row["rowid"]) not in self.unloadable]
        if not shown and self.release < EMPTY_IS_404_BEFORE.get(name, (19,)):
            return self._refusal(404, f"No {table.title} found", source=f"{table.source}:270")
        listed = [table.show(row, self, listed=True) for row in shown]
        old = self.release < (16,)
        if args.get("properties") and not old:
            wanted = set(args["properties"].split(","))
            listed = [{key: value for key, value in item.items() if key in wanted} for item in listed]
        if args.get("pagination_data") == "true" and not old:
            pages = -(-len(rows) // limit)
            told = {"total": len(rows), "page": page, "page_count": pages, "limit": limit}
            return self._data({"data": listed, "pagination": told}, request)
        return self._data(listed, request)

    def _one(self, request, table, wanted, user):
        name = request.path.split("/")[-2]
        if not wanted.isdecimal():
            message = "invalid value specified for `id`"
            return self._refusal(400, message, source="Routes.php:457", stage="route")
        if refused := self._lacks_right(table, user):
            if name == "thirdparties":  # the one place that says more than "Forbidden"
                why = f"Access not allowed for login {user.login}. No read permission on thirdparties."
                return self._no_right(table.source, why)
            return refused
        if wanted == "0" and name in ("thirdparties", "invoices"):
            return self._invented(request, name)
        row = getattr(self, table.rows).get(int(wanted))
        if row is None:
            title = {"invoices": "Invoice", "thirdparties": "Thirdparty"}.get(name, "Record")
            return self._refusal(404, f"{title} not found", source=f"{table.source}:138")
        if not self._sees(row, name, user):
            message = f"Access not allowed for login {user.login}"
            return self._refusal(403, message, source=f"{table.source}:2390")
        return self._data(table.show(row, self, listed=False), request)

    def _invented(self, request, name):
        """Id 0: an empty invoice, but a third party made up as a specimen."""
        if name == "invoices":
            return self._data({"module": None, "id": None, "lines": []}, request)
        specimen = {
            "id": "0",
            "name": "THIRDPARTY SPECIMEN",
            "email": "specimen@specimen.com",
            "array_options": [],
        }
        return self._data(specimen, request)

    def _own_user(self, request, user):
        if not user.admin and "user/self/creer" not in user.rights:
            return self._refusal(403, "Not allowed", source="api_users.class.php:293")
        shown = {"id": str(user.id), "login": user.login, "admin": str(int(user.admin)), "rights": None}
        if request.arg("includepermissions") == "1":
            shown["rights"] = {}
            for right in sorted(user.rights):
                *path, last = right.split("/")
                place = shown["rights"]
                for part in path:
                    place = place.setdefault(part, {})
                place[last] = 1
        return self._data(shown, request)

    def _body(self, request):
        """The decoded body, or the refusal of a broken one."""
        try:
            return json.loads(request.body), None
        except ValueError:
            message = "Error encoding/decoding JSON: Syntax error"
            return None, self._refusal(400, message, source="JsonFormat.php:154", stage="setup")

    def _put_party(self, request, wanted, user):
        source = "api_thirdparties.class.php"
        body, broken = self._body(request)
        if broken is not None:
            return broken
        if set(body) != {"array_options"}:
            return self.refuse(request, "only extra fields are ever written")
        if "societe/creer" not in user.rights:
            return self._refusal(403, source=f"{source}:353")
        row = self.parties.get(int(wanted)) if wanted.isdecimal() else None
        if row is None:
            return self._refusal(404, "Thirdparty not found", source=f"{source}:358")
        if self.put_collisions:
            self.put_collisions -= 1
            message = f"Duplicate entry '{wanted}' for key 'uk_societe_extrafields'"
            return self._refusal(500, message, source=f"{source}:390")
        if self.email_mandatory and not row["email"]:
            if self.release < (16,):
                return self._data(answers.changed_party(row, self), request)
            return self._refusal(500, source=f"{source}:390")
        self._store_options(row, body["array_options"])
        self._add_event(code="AC_COMPANY_MODIFY", fk_soc=row["rowid"], label=f"Third party {row['nom']} modified")
        return self._data(answers.changed_party(row, self), request)

    def _store_options(self, row, sent):
        release = self.release
        if release < (18, 0, 7) or (19,) <= release < (20, 0, 4):
            row["options"] = dict.fromkeys(self.extra_fields)
        for name, kind in self.extra_fields.items():
            if f"options_{name}" in sent:
                row["options"][name] = _stored(kind, sent[f"options_{name}"], self.zone)

    def _post_event(self, request, user):
        source = "api_agendaevents.class.php"
        body, broken = self._body(request)
        if broken is not None:
            return broken
        if "agenda/myactions/create" not in user.rights:
            return self._refusal(403, source=f"{source}:235")
        owner = body.get("userownerid")
        if owner != user.id and "agenda/allactions/create" not in user.rights:
            stated = "" if owner is None else owner
            message = f"Insufficient rights to create an Agenda Event for owner id {stated} Your id is {user.id}"
            return self._refusal(403, message, source=f"{source}:240")
        if "type_code" not in body:
            return self._refusal(400, "type_code field missing", source=f"{source}:397")
        if body["type_code"] not in ("AC_OTH", "AC_TEL", "AC_EMAIL"):
            message = "Error creating event"
            return self._refusal(500, message, source=f"{source}:264", reason="ErrorActionCommBadType")
        times = {name: body.get(name) for name in ("datep", "datef")}
        if any(isinstance(at, str) for at in times.values()):
            return self.refuse(request, "a time as text is read in another zone than elsewhere")
        made = self._add_event(
            code=body["type_code"], label=body.get("label", ""), note=body.get("note_private"), **times,
            percentage=body.get("percentage", -1), fk_soc=body.get("socid"), ref_ext=body.get("ref_ext"),
        )  # fmt: skip
        return self._data(made, request)

    def _add_event(self, *, code, label, fk_soc, note=None, datep=None, datef=None, percentage=-1, ref_ext=None):
        rowid = self._next("events")
        self.events[rowid] = {
            "id": rowid, "code": code, "type_code": code, "label": label[:128], "note": note, "datep": datep,
            "datef": datef, "percentage": percentage, "fk_soc": fk_soc, "ref_ext": ref_ext,
            "fk_user_action": self.user.id, "datec": int(self.now()),
        }  # fmt: skip
        return rowid


def _stored(kind, value, zone):
    """What the data base keeps of a value sent for an extra field: nonsense is swallowed, not refused."""
    if value is None or value == "":
        return None
    if kind == "datetime":
        if isinstance(value, str) and not value.isdecimal():
            return int(datetime.fromisoformat(value).replace(tzinfo=zone).timestamp())
        return int(value)
    if kind == "varchar":
        return str(value)
    try:
        number = Decimal(str(value).replace(",", ""))  # "12,5" becomes 125
    except InvalidOperation:
        return None
    return int(number.quantize(Decimal(1), ROUND_HALF_UP)) if kind == "int" else number
