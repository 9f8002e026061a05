"""One row: cleaned cells become a record, or faults in plain words. Records are plain data (JSON), contact data in them is sealed already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from django.utils.translation import gettext as _

from feedback_desk.records.secrets import fingerprint, last_four, mask, seal
from tickets.imports import columns as kinds
from tickets.imports.plan import Plan
from tickets.imports.values import same
from tickets.lifecycle import State
from tickets.models import Outcome

Record: TypeAlias = dict[str, Any]
OPEN = frozenset({State.PENDING.value, State.PROCESSING.value, State.WAITING.value, State.CONFIRMING.value})
TEXTS = ("happened_where", "product", "model", "serial", "batch", "order_number", "quantity", "expectation", "result")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Fault:
    """What is wrong with one cell of a row."""

    target: str
    value: str
    sentence: str


class Faults(Exception):
    """A row that cannot be imported."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault.sentence for fault in faults))
        self.faults = faults


def points(phone: str = "", email: str = "", address: str = "") -> list[list[str]]:
    """Contact data, sealed: kind, sealed value, masked value, fingerprint of the whole, of the last four digits (V4)."""
    plain = (("phone", phone), ("email", email), ("address", address))
    return [[kind, seal(value), mask(kind, value)[:80], fingerprint(kind, value), last_four(kind, value)] for kind, value in plain if value]


def unnamed(name: str) -> str:
    """The number elsewhere of the customer who stands for rows that name none."""
    return f"unnamed:{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def customer_record(cells: Mapping[str, Any], at: datetime) -> Record:
    """A row of the customer file. `given`: the texts that the row fills; only those are compared and changed later."""
    faults: list[Fault] = []
    if not cells.get("name"):
        faults.append(Fault("name", "", _("A customer needs a name; a nickname will do.")))
    since = cells.get("created_at")
    if since and since > at:
        faults.append(Fault("created_at", "", _("This lies in the future.")))
    if faults:
        raise Faults(faults)
    given = {key: cells[key] for key in ("name", "kind", "contact_name", "level", "industry", "area", "remark") if cells.get(key)}
    return {
        "external_id": cells.get("external_id") or "",
        "given": given,
        "since": (since or at).isoformat(),
        "points": points(cells.get("phone") or "", cells.get("email") or "", cells.get("address") or ""),
    }


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two rows of an event log that speak of one ticket: received with the first, otherwise as the later one says."""
    earlier, later = sorted((one, other), key=lambda cells: cells.get("state_since") or cells["received_at"])
    found = {**earlier, **later, "rest": list(dict.fromkeys([*earlier["rest"], *later["rest"]]))}
    found["received_at"] = min(one["received_at"], other["received_at"])
    found["state_since"] = max(cells.get("state_since") or cells["received_at"] for cells in (one, other))
    if "state" in later and "closed_at" not in later:
        found.pop("closed_at", None)
    return found


def ticket_record(cells: Mapping[str, Any], plan: Plan, at: datetime) -> Record:
    """A row of history. `rest`: what no column was named for; `digest`: of the whole row, its number where the file has none."""
    faults: list[Fault] = []
    state = cells.get("state") or (State.CLOSED.value if cells.get("closed_at") else State.PENDING.value)
    times = _times(cells, state, plan, at, faults)
    if not (cells.get("category") and cells.get("channel") and cells.get("type")):
        faults += [Fault(key, "", _("This is missing.")) for key in ("category", "channel", "type") if not cells.get(key)]
    if faults:
        raise Faults(faults)
    record: Record = {key: cells.get(key) or "" for key in TEXTS}
    happened, place = cells.get("what_happened") or "", record["happened_where"]
    title = cells.get("title") or " ".join(happened.split()) or " · ".join(filter(None, [cells.get("category_words", ""), place]))
    urgency = cells.get("urgency") or "normal"
    record |= {
        "external_id": cells.get("external_id") or f"row:{cells['digest']}",
        "title": title[:200],
        "what_happened": happened or title,
        "category": cells["category"],
        "channel": cells["channel"],
        "type": cells["type"],
        "urgency": urgency,
        "state": State.CLOSED.value if state == kinds.DUPLICATE else state,
        "outcome": _outcome(state),
        "department": cells.get("department"),
        "received_by": cells.get("received_by"),
        "remark": "\n".join(filter(None, [cells.get("remark") or "", *cells["rest"]])),
        "customer": _customer(cells, plan),
        **times,
    }
    return record


def _outcome(state: str) -> str:
    if state == kinds.DUPLICATE:
        return Outcome.MERGED.value
    if state == State.INVALID:
        return Outcome.INVALID.value
    return "" if state in OPEN else Outcome.HISTORIC.value


def _times(cells: Mapping[str, Any], state: str, plan: Plan, at: datetime, faults: list[Fault]) -> dict[str, str | None]:
    received, closed, due = cells.get("received_at"), cells.get("closed_at"), cells.get("due_at")
    if received is None:
        faults.append(Fault("received_at", "", _("It is not said when this was received.")))
        return {}
    if closed is None and state in (State.CLOSED, kinds.DUPLICATE):
        closed = max(cells["state_since"], received) if cells.get("state_since") else None
        if closed is None:
            faults.append(Fault("closed_at", "", _("The state is closed, but there is no time of closing.")))
    if closed and state in OPEN:
        faults.append(Fault("closed_at", "", _("There is a time of closing, but the state is not closed.")))
    closed = _on_that_day(closed, received, plan)
    since = max(cells.get("state_since") or received, received)
    if due and _midnight(due, plan) and "due_at" in cells.get("dates_only", ()):
        due += DAY
    for key, when in (("closed_at", closed), ("due_at", due), ("first_response_at", cells.get("first_response_at"))):
        if when and when < received:
            faults.append(Fault(key, "", _("This lies before the time of receipt.")))
    for key, when in (("received_at", received), ("closed_at", closed)):
        if when and when > at:
            faults.append(Fault(key, "", _("This lies in the future.")))
    found = {
        "received_at": received,
        "closed_at": closed,
        "due_at": due,
        "state_since": since if cells.get("state_since") else closed or received,
        "first_response_at": cells.get("first_response_at"),
    }
    return {key: when.isoformat() if when else None for key, when in found.items()}


def _midnight(when: datetime, plan: Plan) -> bool:
    local = when.astimezone(plan.zone_info)
    return (local.hour, local.minute, local.second) == (0, 0, 0)


def _on_that_day(when: datetime | None, received: datetime, plan: Plan) -> datetime | None:
    """A day without a time, the day of receipt itself: not before the receipt."""
    return received if when and when < received < when + DAY and _midnight(when, plan) else when


def _customer(cells: Mapping[str, Any], plan: Plan) -> Record:
    name, number = cells.get("customer_name") or "", cells.get("customer_external_id") or ""
    contact = points(cells.get("customer_phone") or "", cells.get("customer_email") or "")
    if name or number or contact:
        return {"external_id": number, "name": name or (number or contact[0][2]), "points": contact}
    return {"external_id": unnamed(plan.fallback_name), "name": plan.fallback_name, "points": []}


def identity(customer: Record) -> str:
    """What makes two rows speak of one customer: number elsewhere, else phone, else e-mail, else the name alone."""
    if customer["external_id"]:
        return f"id:{customer['external_id']}"
    return next((f"point:{point[3]}" for point in customer["points"] if point[0] != "address"), f"name:{same(customer['name'])}")
