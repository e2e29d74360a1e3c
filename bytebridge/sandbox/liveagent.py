"""A simulated LiveAgent over HTTP: REST API v3, and of v1 the one call that adds a message."""

import re
import time
from collections import deque

from bytebridge.sandbox import liveagent_lookups as lookups
from bytebridge.sandbox import liveagent_messages as messages
from bytebridge.sandbox import liveagent_tickets as tickets
from bytebridge.sandbox.liveagent_people import People
from bytebridge.sandbox.liveagent_requests import EarlyAnswerError, OutsideNotesError, error
from bytebridge.sandbox.web import Simulator, json_reply


class LiveAgent(Simulator, People):
    """`url` is the account's root; v3 lies below /api/v3, v1 below /api.

    seed: of ids and codes. switches: those of `Switches`, by name. Two agents are there from the beginning,
    a technician (sat@example.com) and the one that posts (creditos@example.com), and the department "default".
    """

    def __init__(self, *, api_key="v3-key", message_api_key="v1-key", now=time.time, port=0, seed=1, **switches):
        super().__init__(now, port)
        self.api_key, self.message_api_key = api_key, message_api_key
        self._uses = {}
        self.set_up(seed)
        self._complete = True
        for name, value in switches.items():
            setattr(self, name, value)

    def handle(self, request):
        try:
            if request.method == "GET" and request.path == "/api/v3/ping":
                return json_reply({})
            endpoint, parts = _endpoint(request)
            if request.path.startswith("/api/v3/"):
                self._check_key(request)
            return endpoint(self, request, *parts)
        except OutsideNotesError as outside:
            return self.refuse(request, str(outside))
        except EarlyAnswerError as answered:
            return answered.reply

    def _check_key(self, request):
        if any("key" in name.lower() for name, _ in request.query):
            raise OutsideNotesError("a key in the address")
        key = request.headers.get("apikey")
        expired = self.valid_to_date is not None and self.now() >= self.valid_to_date
        if key != self.api_key or expired:
            raise EarlyAnswerError(error(self.wrong_key_status, "The API key is missing or not valid"))
        self.count_use(key)

    def count_use(self, key):
        """One more request with this key; too many within a minute are refused and not counted."""
        if self.rate_limit is None:
            return
        now, uses = self.now(), self._uses.setdefault(key, deque())
        while uses and not now - 60 < uses[0] <= now:
            uses.popleft()
        if len(uses) >= self.rate_limit:
            headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            raise EarlyAnswerError(error(429, "Too many requests", **headers))
        uses.append(now)


def _endpoint(request):
    for method, path, endpoint in ROUTES:
        found = re.fullmatch(path.replace("*", "([^/]+)"), request.path)
        if found and method == request.method:
            return endpoint, found.groups()
    raise OutsideNotesError("unknown path or method")


ROUTES = (
    ("GET", "/api/v3/tickets", tickets.list_tickets),
    ("GET", "/api/v3/tickets/history", lookups.list_history),
    ("GET", "/api/v3/tickets/history/count", lookups.count_history),
    ("GET", "/api/v3/tickets/*", tickets.get_ticket),
    ("PUT", "/api/v3/tickets/*", tickets.put_ticket),
    ("GET", "/api/v3/tickets/*/history", lookups.ticket_history),
    ("GET", "/api/v3/tickets/*/messages", messages.list_messages),
    ("GET", "/api/v3/contacts", lookups.list_contacts),
    ("GET", "/api/v3/contacts/*", lookups.get_contact),
    ("GET", "/api/v3/companies/*", lookups.get_company),
    ("GET", "/api/v3/agents", lookups.list_agents),
    ("GET", "/api/v3/agents/*", lookups.get_agent),
    ("GET", "/api/v3/departments", lookups.list_departments),
    ("GET", "/api/v3/tags", lookups.list_tags),
    ("GET", "/api/v3/tags/*", lookups.get_tag),
    ("GET", "/api/v3/grid/reports/time", lookups.list_time),
    ("GET", "/api/v3/api/info/v3", lookups.info),
    ("POST", "/api/conversations/*/messages", messages.post_message),
)
