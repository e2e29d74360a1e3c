"""How a simulated LiveAgent may behave where releases differ or the vendor is silent."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

PRIVILEGES = frozenset(
    {
        "ticket.read", "ticket.read_all", "ticket.operate", "ticket.change_state", "contact.read", "agent.read",
        "tag.read", "time_report.read", "api.read_own",
    }
)  # fmt: skip
POST_MODES = ("ok", "empty", "error", "cut_after", "cut_before", "stored_500", "lost_500", "slow")
CHOICES = {
    "message_key_place": ("either", "header", "body"),
    "unknown_filter": ("error400", "ignore", "error500html"),
    "post_mode": POST_MODES,
    "put_fields": ("replace", "upsert"),
    "put_without_assignee": ("keep", "transfer", "refuse"),
    "put_resolved_mails": (False, True, "reopens"),
    "merge_fields": ("keep", "fill", "append"),
}


class Switches:
    """Assigned on the simulator by tests; each default is what a current release most likely does.

    A switch or a choice that does not exist is refused: a test that believes in it would prove nothing.

    keys and limits
        wrong_key_status         401          a missing, wrong or expired key; some releases say 403
        v1_wrong_key_status      403          a key that is not v1's; 200 hides the ERROR in a good answer
        privileges               all          of the v3 key; without ticket.read_all it sees only tickets of `key_owner`
        key_owner                robot        agent id whose tickets a key without ticket.read_all sees
        history_privilege        ticket.read  what /tickets/history asks for
        valid_to_date            None         end of the v3 key's life [epoch s]; after it the key is a wrong one
        message_key_place        either       where v1 looks for its key: either, header, body
        rate_limit               180          requests a minute for each key; None: unlimited
        retry_after              None         seconds announced with a 429; None: no such header
    index (tickets list)
        index_delay              0            seconds until a change is listed
        index_delays             {}           other delays by field, for tickets already listed
        unindexed                {}           ids of tickets whose changes never reach the index
        purge_delay              600          seconds for which a purged ticket is still listed
    filters, sort, pages
        unknown_filter           error400     or ignore, error500html: answer to a filter not understood
        broken_columns           {}           columns of which no filter is understood
        contact_filter_key       email        column by which contacts are found
        sort_ignored             False        rows in no useful order whatever was asked
        per_page_cap             500          a larger page is cut silently
        offset_wall              10000        a page that reaches beyond it is an error; None: no wall
        between_pages            None         called with the request after each page of tickets: people who work meanwhile
    shape of rows
        null_keys                False        empty fields as null instead of absent
        zone                     UTC          of naive times
        list_zone                None         of the list's times and filters when it differs
        message_zone             None         of messages' times when it differs
        codes_work               True         a ticket's code in a path finds it
    history
        history_delay            0            seconds until a status interval is in the feed of all tickets
        history_duplicates       False        the feed holds each row twice
        cursor_stuck             False        every page hands out the cursor it was asked with
    posting (v1)
        post_mode                ok           or empty, error, slow; stored_500, lost_500; cut_after, cut_before: dies after or before storing
        post_modes               []           modes for the next posts, each used once
        post_delay_s             2.0          how late a slow one answers
        v1_error_status          200          HTTP status of an ERROR
        reply_status             A            status after an agent's reply; None: it stays
        reply_assigns            False        the replying agent takes the ticket
        note_status              None         status after a note; None: it stays
        stores_html              False        a plain text is kept as HTML
        reply_mails              True         replies by mail channels are mailed
    changing a ticket (PUT)
        put_fields               replace      or upsert
        put_without_assignee     keep         or transfer (back to the first department, nobody's), refuse
        put_resolved_mails       False        status R mails the customer; "reopens": and the mail reopens the ticket
    life of tickets
        reopens                  True         a customer's answer reopens a resolved ticket; else it makes a new one
        reopen_clears_resolved   True         date_resolved vanishes when a ticket is taken up again
        closing_loses_resolved   False        date_resolved vanishes on closing
        closing_moves_changed    True         date_changed moves on closing
        field_edit_moves_changed True         date_changed moves when only a custom field is edited
        merge_fields             keep         the target's; or fill (what it lacked), append (codes twice)
        split_copies_fields      False        the new ticket has the old one's custom fields
    messages
        messages_down            {}           ids of tickets whose messages answer 503
        messages_paging_ignored  False        page and order parameters do nothing
    """

    wrong_key_status = 401
    v1_wrong_key_status = 403
    privileges = PRIVILEGES
    key_owner = "b0t0b0t0"
    history_privilege = "ticket.read"
    valid_to_date = None
    message_key_place = "either"
    rate_limit = 180
    retry_after = None

    index_delay = 0
    index_delays: Mapping[str, float] = MappingProxyType({})
    unindexed: AbstractSet[str] = frozenset()
    purge_delay = 600

    unknown_filter = "error400"
    broken_columns: AbstractSet[str] = frozenset()
    contact_filter_key = "email"
    sort_ignored = False
    per_page_cap = 500
    offset_wall = 10_000
    between_pages = None

    null_keys = False
    zone = "UTC"
    list_zone = None
    message_zone = None
    codes_work = True

    history_delay = 0
    history_duplicates = False
    cursor_stuck = False

    post_mode = "ok"
    post_modes = ()
    post_delay_s = 2.0
    v1_error_status = 200
    reply_status = "A"
    reply_assigns = False
    note_status = None
    stores_html = False
    reply_mails = True

    put_fields = "replace"
    put_without_assignee = "keep"
    put_resolved_mails = False

    reopens = True
    reopen_clears_resolved = True
    closing_loses_resolved = False
    closing_moves_changed = True
    field_edit_moves_changed = True
    merge_fields = "keep"
    split_copies_fields = False

    messages_down: AbstractSet[str] = frozenset()
    messages_paging_ignored = False

    _complete = False

    def __setattr__(self, name, value):
        if self._complete and not hasattr(self, name):
            raise AttributeError(f"there is no switch {name}")
        if value not in CHOICES.get(name, (value,)) or (name == "post_modes" and set(value) - set(POST_MODES)):
            raise ValueError(f"{name} cannot be {value!r}")
        super().__setattr__(name, value)
