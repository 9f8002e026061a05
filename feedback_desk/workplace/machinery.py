"""The state of the machinery in words: one line per part, with a tone (ok, soon, late) and a sentence in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from feedback_desk.notices.models import NoticeState
from feedback_desk.workplace import health, measuring, office
from feedback_desk.workplace.health import Sign
from feedback_desk.workplace.measuring import Figures
from feedback_desk.workplace.office import Line

SILENT = {"soon": timedelta(minutes=1), "late": timedelta(minutes=2)}
"""The sweep signs every 30 seconds when nothing happens."""
LYING = timedelta(seconds=15)
"""Steps are taken every five seconds; one that lies for three of these is not taken as it should be."""
LONG_WAY = {"soon": timedelta(minutes=5), "late": timedelta(minutes=30)}
"""How long a notice may be on its way."""
OFF = {"soon": 2.0, "late": 30.0}
"""Seconds by which a clock may be off (decision 7)."""
FULL = {"soon": 0.10, "late": 0.03}
"""Share of the disk that is left."""
LITTLE = {"soon": 2 * 1024**3, "late": 500 * 1024**2}
OLD_BACKUP = {"soon": timedelta(days=8), "late": timedelta(days=15)}
"""V6: at least weekly."""
PILED_UP = 200
"""Messages in one queue: they expire with their interval, so that so many are work, not beats."""
TONES = ("ok", "soon", "late")
WORDS: dict[str, Any] = {
    "alive": gettext_lazy("works"), "busy": gettext_lazy("at long work"), "hung": gettext_lazy("answers but does not work"),
    "dead": gettext_lazy("does not answer"), "unknown": gettext_lazy("cannot be asked without the broker"),
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One part of the machinery on the front page."""

    key: str
    label: Any
    icon: str
    line: Line

    @property
    def tone(self) -> str:
        return self.line.tone

    @property
    def word(self) -> str:
        """The tone in a word: colour never carries meaning alone."""
        return {"ok": _("fine"), "soon": _("look at it"), "late": _("trouble")}[self.tone]


# --- the sidebar ------------------------------------------------------------------------------------------------------------------


def lines() -> Iterator[Line]:
    at = measuring.instant()
    yield sweep_line(measuring.sweep(at))
    yield from outbox_lines(measuring.outbox(at))


def install() -> None:
    office.LINES[:] = [lines]


# --- the parts --------------------------------------------------------------------------------------------------------------------


def parts(f: Figures) -> list[Part]:
    """All parts, in the order in which one looks at them."""
    return [
        Part("limits", _("Limits"), "alarm", sweep_line(f.sweep)),
        Part("outbox", _("Notices"), "envelope", next(outbox_lines(f.outbox))),
        Part("failures", _("What failed"), "exclamation-diamond", failures_line(f)),
        Part("workers", _("Workers"), "cpu", processes_line(f, health.WORKER, health.WORKERS)),
        Part("beat", _("Beat"), "heart-pulse", processes_line(f, health.ONE_BEAT, (health.BEAT,))),
        Part("broker", _("Message broker"), "inboxes", broker_line(f)),
        Part("clocks", _("Clocks"), "clock", clocks_line(f)),
        Part("database", _("Database and disk"), "database", room_line(f)),
        Part("backup", pgettext("of the data", "Backup"), "safe", backup_line(f)),
    ]


def overall(found: list[Part]) -> Line:
    """The worst tone, and the sentence above the parts."""
    late, soon = [p for p in found if p.tone == "late"], [p for p in found if p.tone == "soon"]
    if late:
        return Line("late", ngettext("%(n)d part is in trouble", "%(n)d parts are in trouble", len(late)) % {"n": len(late)})
    if soon:
        return Line("soon", ngettext("%(n)d part wants a look", "%(n)d parts want a look", len(soon)) % {"n": len(soon)})
    return Line("ok", _("Everything works"))


def sweep_line(sweep: measuring.Sweep) -> Line:
    """When limits were last looked at, and whether steps are left lying."""
    if sweep.age is None:
        return Line("late", _("Limits have not been checked yet"))
    if (tone := above(sweep.age, SILENT)) != "ok":
        minutes = int(sweep.age.total_seconds() // 60)
        return Line(tone, ngettext("Limits not checked for %(n)d minute", "Limits not checked for %(n)d minutes", minutes) % {"n": minutes})
    said = {"seconds": max(int(sweep.age.total_seconds()), 0), "left": sweep.due, "lag": spoken(sweep.lag)}
    if sweep.lag > LYING:
        return Line("late" if sweep.behind else "soon", _("Limits checked %(seconds)d s ago, %(left)d steps behind, the oldest for %(lag)s") % said)
    return Line("ok", _("Limits checked %(seconds)d s ago, nothing behind") % said)


def outbox_lines(outbox: measuring.Outbox) -> Iterator[Line]:
    """How many notices are on their way and for how long, and how many failed for good."""
    url = reverse("admin:notices_notice_changelist")
    text = ngettext("Outbox: %(n)d on its way", "Outbox: %(n)d on their way", outbox.waiting) % {"n": outbox.waiting}
    tone = above(outbox.oldest, LONG_WAY)
    if tone != "ok":
        text = _("%(outbox)s, the oldest for %(age)s") % {"outbox": text, "age": spoken(outbox.oldest)}
    yield Line(tone, text, f"{url}?state__in=waiting,sending")
    if outbox.failed:
        failed = ngettext("%(n)d notice failed", "%(n)d notices failed", outbox.failed) % {"n": outbox.failed}
        yield Line("soon", failed, f"{url}?state__exact={NoticeState.FAILED}")


def failures_line(f: Figures) -> Line:
    """What waits for somebody, by kind."""
    counted = [
        ngettext("%(n)d notice not delivered", "%(n)d notices not delivered", f.outbox.failed) % {"n": f.outbox.failed} if f.outbox.failed else "",
        ngettext("%(n)d limit set aside", "%(n)d limits set aside", f.sweep.aside) % {"n": f.sweep.aside} if f.sweep.aside else "",
        ngettext("%(n)d step not carried out", "%(n)d steps not carried out", f.failed_acts) % {"n": f.failed_acts} if f.failed_acts else "",
        ngettext("%(n)d import failed", "%(n)d imports failed", f.failed_imports) % {"n": f.failed_imports} if f.failed_imports else "",
    ]
    said = [sentence for sentence in counted if sentence]
    if not said:
        return Line("ok", _("Nothing failed"))
    return Line("late" if f.sweep.aside or f.failed_acts else "soon", _(", ").join(said), reverse("office:machinery") + "#failures")


def processes_line(f: Figures, prefix: str, names: tuple[str, ...]) -> Line:
    """Those in trouble by name; a queue (or beat) that nobody of a known name serves, too."""
    single = [s for s in f.signs if s.name.startswith(prefix)]
    found = health.troubles(f.signs, f.words, broker=f.queues is not None)
    ours = [s for s in f.signs if s.name in found and (s in single or s.name in names)]
    if ours:
        return Line("late", _("; ").join(trouble(s, f.words[s.name]) for s in ours))
    if f.queues is None and prefix == health.WORKER:
        return Line("soon", _("Cannot be asked without the broker"))
    busy = [s.node for s in single if f.words[s.name] == "busy"]
    if busy:
        return Line("ok", _("%(names)s: at long work") % {"names": _(", ").join(busy)})
    return Line("ok", _("%(names)s: alive") % {"names": _(", ").join(s.node for s in single) or _(", ").join(names)})


def trouble(sign: Sign, word: str) -> str:
    """ "work@server1 does not answer, last seen 3 min ago"."""
    said = {"name": sign.node, "word": WORDS[word]}
    if sign.age is None:
        return _("%(name)s: expected, never seen") % said
    return _("%(name)s: %(word)s, last seen %(age)s ago") % {**said, "age": spoken(sign.age)}


def broker_line(f: Figures) -> Line:
    if f.queues is None:
        return Line("late", _("Does not answer; nothing is lost, everything catches up when it is back"))
    waiting = _(", ").join(f"{name} {n}" for name, n in f.queues.items())
    return Line("soon" if max(f.queues.values()) > PILED_UP else "ok", _("Answers; messages waiting: %(queues)s") % {"queues": waiting})


def clocks_line(f: Figures) -> Line:
    """Of every living process and of the web server, against the database's."""
    name, most = max(f.ahead.items(), key=lambda pair: abs(pair[1]))
    tone = above(abs(most), OFF)
    if tone == "ok":
        return Line("ok", _("All clocks agree with the database's within %(seconds)s s") % {"seconds": f"{abs(most):.1f}"})
    sentence = _("%(name)s is %(seconds)s s ahead of the database") if most > 0 else _("%(name)s is %(seconds)s s behind the database")
    return Line(tone, sentence % {"name": _("web") if name == "web" else name, "seconds": f"{abs(most):.0f}"})


def room_line(f: Figures) -> Line:
    share = f.room.free / f.room.total if f.room.total else 0.0
    tone = max(below(share, FULL), below(f.room.free, LITTLE), key=TONES.index)
    name = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
    said = {"name": name, "size": filesizeformat(f.room.database), "free": filesizeformat(f.room.free), "total": filesizeformat(f.room.total)}
    return Line(tone, _("%(name)s, %(size)s; %(free)s of %(total)s free") % said)


def backup_line(f: Figures) -> Line:
    if f.backup is None:
        return Line("soon", _("No backup was made yet; make one at least weekly"))
    return Line(above(f.backup, OLD_BACKUP), _("Last backup %(age)s ago") % {"age": spoken(f.backup)})


def above(value: Any, limits: dict[str, Any]) -> str:
    return "late" if value > limits["late"] else "soon" if value > limits["soon"] else "ok"


def below(value: float, limits: dict[str, Any]) -> str:
    return "late" if value < limits["late"] else "soon" if value < limits["soon"] else "ok"


def spoken(age: timedelta) -> str:
    """In the largest unit that fits: 12 s, 3 min, 5 h, 2 days."""
    seconds = max(int(age.total_seconds()), 0)
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= size * (2 if unit == "days" else 1):
            n = seconds // size
            return {"days": ngettext("%(n)d day", "%(n)d days", n), "hours": _("%(n)d h"), "minutes": _("%(n)d min")}[unit] % {"n": n}
    return _("%(n)d s") % {"n": seconds}
