"""Two people decide on the same measure at the same moment (C4, V2): one wins, the other is told who and when, one line of history."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta

import pytest
from django.db import connection

from complaints import services as forms
from complaints.models import Disposition
from feedback_desk import clock
from feedback_desk.people.access import NotNow
from feedback_desk.people.models import Absence
from feedback_desk.records.models import Entry

TIMES, A_FORM = 200, 25
MEET = 30


def decide(times, who, how, gate, said):
    """In a process of its own: read the old state, wait until the other has read it too, decide."""
    connection.connection = None
    with clock.at(times[1]):
        for pk in times[0]:
            row = Disposition.objects.get(pk=pk)
            seen = (row.state, row.version)
            try:
                gate.wait(MEET)
                how(disposition_id=pk, by=who, seen_version=row.version)
                said.put((pk, who.username, seen, "won"))
            except NotNow as late:
                said.put((pk, who.username, seen, late.because))
            except Exception as broken:
                said.put((pk, who.username, seen, f"broken: {broken!r}"))
    connection.close()


def agree(**facts):
    forms.agree(**facts)


def object_to(**facts):
    forms.object(reason="应由调度负责", **facts)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_C4_two_who_decide_at_the_same_moment_200_times(cast, way):
    """The head came back early, the stand-in has the card open as well."""
    Absence.objects.create(user=cast.department_head, starts_at=clock.now() - timedelta(hours=1), ends_at=clock.now() + timedelta(days=1), reason="出差")
    measures: list[int] = []
    for _n in range(TIMES // A_FORM):
        one = way()
        one.in_review(*(one.one(clause=f"《配送作业规范》4.{n}") for n in range(A_FORM)))
        measures += [m.pk for m in one.measures]
    context = multiprocessing.get_context("fork")
    gate, said = context.Barrier(2), context.Queue()
    parts = ((cast.department_head, agree), (cast.head_backup, object_to))
    at = clock.now()
    connection.close()
    processes = [context.Process(target=decide, args=((measures, at), who, how, gate, said)) for who, how in parts]
    for process in processes:
        process.start()
    answers = [said.get(timeout=120) for _n in range(2 * TIMES)]
    for process in processes:
        process.join(30)

    both_had_read_the_old_state = {pk for pk in measures if {seen for p, _who, seen, _word in answers if p == pk} == {("proposed", 2)}}
    assert len(both_had_read_the_old_state) == TIMES
    names = {cast.department_head.username: str(cast.department_head), cast.head_backup.username: str(cast.head_backup)}
    for pk in measures:
        words = {who: word for p, who, _seen, word in answers if p == pk}
        winner, loser = sorted(words, key=lambda who: words[who] != "won")
        assert words[winner] == "won"
        assert names[winner] in words[loser]
        assert Entry.objects.filter(verb__in=("agree", "object"), data__measure=pk).count() == 1
    assert {who for _pk, who, _seen, word in answers if word == "won"} == set(names), "both won at times, so they did meet"
