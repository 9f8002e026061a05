"""Two people decide on the same measure at the same moment (C4, V2): one wins, the other is told who and when, one line of history."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta

import pytest
from django.db import connection

from feedback_desk import clock
from feedback_desk.people.models import Absence
from feedback_desk.records.models import Entry
from tests.two_at_once import decide

TIMES, A_FORM = 200, 25


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
    context = multiprocessing.get_context("spawn")
    gate, said = context.Barrier(2), context.Queue()
    there = connection.settings_dict
    database = f"postgres://{there['USER']}:{there['PASSWORD']}@{there['HOST']}:{there['PORT']}/{there['NAME']}"
    parts = ((cast.department_head, "agree"), (cast.head_backup, "object"))
    processes = [
        context.Process(target=decide, args=(database, measures, clock.now(), who.username, verb, gate, said), daemon=True) for who, verb in parts
    ]
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
