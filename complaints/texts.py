"""The text that reviews, signatures and rulings rest on (decision 46): as it stands, as somebody saw it, and what changed in between.

Kept by the services that change it; a decision names the text that was seen, and is asked for anew when that is not what stands there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from complaints.models import ComplaintForm, DecisionText, Disposition, DispositionKind, Grade
from feedback_desk.people.access import Changed
from feedback_desk.records import history
from feedback_desk.records.models import Attachment, Entry, Words
from feedback_desk.records.moves import changed_meanwhile

TICKET_FIELDS = ("what_happened", "expectation", "order_number", "product", "batch", "quantity")
MORE_OF_TICKET = (
    "happened_at", "happened_where", "witnesses", "outcome_so_far", "steps_to_reproduce", "model", "product_grade", "serial", "bought_on",
    "proof_of_purchase", "remark",
)  # fmt: skip
FIELDS_OF = 3
SINCE: dict[int, tuple[str, ...]] = {2: MORE_OF_TICKET, 3: ("file",)}
"""What is kept since `FIELDS_OF` has that value; a text from before says nothing of it, so that it counts as unchanged."""
FORM_FIELDS = ("grade", "findings", "why_not_spoken", "no_fault_reason")
APART = ("measure", "objection", "answer")
"""Keys that belong to one measure; those of another one are not what its department decides on."""


def current(form: ComplaintForm) -> dict[str, Any]:
    """Three queries."""
    ticket = form.ticket
    rows: dict[str, Any] = {"title": ticket.item.title, "category": ticket.category.name, "category_en": ticket.category.name_en}
    rows |= {"fields": FIELDS_OF} | {name: str(getattr(ticket, name) or "") for name in TICKET_FIELDS + MORE_OF_TICKET}
    rows |= {name: getattr(form, name) for name in FORM_FIELDS}
    for row in form.responsibilities.filter(round=form.round).select_related("user", "department"):
        rows[f"share:{row.user_id or 0}:{row.department_id}"] = {"target": row.target_kept, "share": row.share, "because": row.because}
    for measure in Disposition.objects.of_round(form.pk, form.round).exclude(state="withdrawn").select_related("user", "department"):
        rows[f"measure:{measure.pk}"] = terms(measure)
        rows |= {f"{name}:{measure.pk}": {"target": measure.target_kept, "words": getattr(measure, name)} for name in ("objection", "answer")}
    for name, digest in Attachment.objects.filter(item__in=(ticket.item_id, form.item_id)).values_list("name", "sha256"):
        rows[f"file:{digest}:{name}"] = f"{name} (SHA-256 {digest[:12]}…)"
    return {key: value for key, value in rows.items() if (value.get("words", True) if isinstance(value, dict) else value)}


def terms(measure: Disposition) -> dict[str, str]:
    amount = "" if measure.amount is None else f"{measure.amount.normalize():f}"
    return {"target": measure.target_kept, "kind": measure.kind, "amount": amount, "clause": measure.clause, "reason": measure.reason}


def keep(form: ComplaintForm, *, at: datetime) -> None:
    """Keep the text as it stands now, if it differs from the last one kept. The caller holds the form's lock."""
    rows, last = current(form), latest(form)
    if last is None or last.rows != rows:
        DecisionText.objects.create(form=form, rows=rows, at=at)


def latest(form: ComplaintForm) -> DecisionText | None:
    return _of(form).last()


def as_of(form: ComplaintForm, at: datetime) -> DecisionText | None:
    return _of(form).filter(at__lte=at).last()


def _of(form: ComplaintForm) -> QuerySet[DecisionText]:
    return DecisionText.objects.filter(form_id=form.pk)


def check_seen(form: ComplaintForm, seen_text: int | None, *, measure: Disposition | None = None) -> None:
    """Changed, with what changed, when the text that was seen is not the one that stands; of the measures only `measure` counts, if it is given."""
    if seen_text is None:
        return
    seen = _of(form).filter(pk=seen_text).first()
    found = changes(seen.rows if seen else {}, current(form), measure=measure)
    if not found:
        return
    entry = _changed_by(form, seen_text)
    if entry is None:
        raise Changed(_("This changed after you opened it. Look at what changed and decide again."), changes=found)
    late = changed_meanwhile(form, entry)
    raise Changed(late.because, moved_by=late.moved_by, moved_at=late.moved_at, changes=found)


def _changed_by(form: ComplaintForm, seen_text: int) -> Entry | None:
    """Whoever wrote the text as it stands: on the form, or by correcting its ticket; nobody where only what it names was renamed or a file came."""
    text = latest(form)
    if text is None or text.pk == seen_text:
        return None
    there = Entry.objects.filter(item__in=[form.item_id, form.ticket.item_id], at=text.at).exclude(verb__in=history.OF_LIMITS)
    return there.exclude(by=None).select_related("by").order_by("-pk").first()


def summary_line(form: ComplaintForm) -> Entry | None:
    """C20: the line of the case summary as it stands; none while there is none in this round."""
    lines = Entry.objects.filter(item_id=form.item_id, verb="write_case_summary").select_related("by")
    return lines.order_by("-at", "-pk").first() if form.case_summary else None


def summary_now(form: ComplaintForm) -> int:
    """What a page carries as the one that was read; 0 for none."""
    line = summary_line(form)
    return line.pk if line else 0


def summary_read(form: ComplaintForm, seen: int) -> str:
    return Words.objects.filter(entry_id=seen, entry__item_id=form.item_id).values_list("text", flat=True).first() or ""


@dataclass(frozen=True)
class Change:
    """One line of what changed; an empty side says that it was not there."""

    label: str
    before: str
    after: str


def changes(before: Mapping[str, Any], after: Mapping[str, Any], *, measure: Disposition | None = None) -> list[Change]:
    """In the reader's language, in the order of the form."""
    untold = {"fields", "category_en", *_not_kept_in(before, after)}
    changed = [key for key in dict.fromkeys([*after, *before]) if before.get(key) != after.get(key) and _counts(key, measure)]
    keys = [key for key in changed if key.partition(":")[0] not in untold]
    return [Change(label(key, after.get(key) or before.get(key)), _said(key, before), _said(key, after)) for key in keys]


def _not_kept_in(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Kinds of rows that the older of the two texts does not tell of."""
    if not before or not after:
        return set()
    oldest = min(before.get("fields", 1), after.get("fields", 1))
    return {kind for since, kinds in SINCE.items() if since > oldest for kind in kinds}


def _counts(key: str, measure: Disposition | None) -> bool:
    kind, _colon, which = key.partition(":")
    return measure is None or kind not in APART or which == str(measure.pk)


def label(key: str, value: Any) -> str:
    kind = key.partition(":")[0]
    named = {
        "title": _("In one line"), "category": _("Category"), "what_happened": _("What happened"), "expectation": _("What the customer expects"),
        "happened_at": _("Happened when"), "happened_where": _("Happened where"), "witnesses": _("Who was there"),
        "outcome_so_far": _("Outcome so far"), "steps_to_reproduce": _("Steps to reproduce"), "model": _("Model"),
        "product_grade": _("Product grade"), "serial": _("Serial or plate number"), "bought_on": _("Purchase date"),
        "proof_of_purchase": _("Proof of purchase"), "remark": _("Remark"),
        "order_number": _("Order or account"), "product": _("Product"), "batch": _("Batch"), "quantity": _("Quantity"), "grade": _("Grade"),
        "findings": _("What was found"), "why_not_spoken": _("Why the customer was not spoken with"), "no_fault_reason": _("Why nobody is at fault"),
        "file": _("File"),
        "share": _("Responsibility"), "measure": _("Accountability measure"), "objection": _("Objection"), "answer": _("Answer of the person concerned"),
    }[kind]  # fmt: skip
    return _("%(what)s: %(who)s") % {"what": named, "who": value["target"]} if isinstance(value, dict) else named


def _said(key: str, rows: Mapping[str, Any]) -> str:
    value = rows.get(key, "")
    if not isinstance(value, dict):
        return str(Grade(value).label) if key == "grade" and value else str(value)
    if "words" in value:
        return str(value["words"])
    if "share" in value:
        return _together([f"{value['share']} %", value["because"]])
    return _together([str(DispositionKind(value["kind"]).label), value["amount"], value["clause"], value["reason"]])


def _together(parts: Iterable[str]) -> str:
    return _("; ").join(part for part in parts if part)
