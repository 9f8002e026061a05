"""The story reads as sentences: every word the services write into the history has some."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import translation

from feedback_desk.records.history import OF_LIMITS
from feedback_desk.records.moves import moves_of
from feedback_desk.workplace.doors import DOORS
from feedback_desk.workplace.tests import way
from feedback_desk.workplace.words import DRAWN_FROM_ROWS, SAID, attempt_of, sentence

WRITTEN = re.compile(r'history\.record\([^,()]+(?:\([^)]*\))?[^,()]*, "([a-z_]+)"|building\.entry\([^,]+, verb="([a-z_]+)"')


def written_by_services() -> set[str]:
    rooms = [Path(settings.BASE_DIR, room) for room in ("tickets", "complaints", "followups", "feedback_desk")]
    sources = [path for room in rooms for path in room.rglob("*.py") if "tests" not in path.parts]
    return {verb for path in sources for found in WRITTEN.findall(path.read_text()) for verb in found if verb}


def test_every_verb_the_services_write_has_words():
    moves = {name for model in DOORS for name in moves_of(model)}
    assert not (written_by_services() | moves | set(OF_LIMITS)) - set(SAID) - DRAWN_FROM_ROWS


REFUSED = re.compile(r'NotYou\(.*verb="([^"]+)"')


def test_V3_whatever_is_refused_is_called_by_its_name():
    sources = [path for path in Path(settings.BASE_DIR).glob("*/**/*.py") if "tests" not in path.parts and ".venv" not in path.parts]
    verbs = {verb for path in sources for verb in REFUSED.findall(path.read_text())}
    assert {"back office", "import", "register"} <= verbs
    unnamed = attempt_of("", "no such verb", {})
    assert not [verb for verb in {*verbs, "see", "case_summary"} if attempt_of("", verb, {}) == unnamed]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_title_is_a_sentence_and_no_raw_verb(language):
    with translation.override(language):
        for verb in SAID:
            for kind in ("ticket", "form"):
                title, _detail = sentence(kind, verb, {}, {})
                assert title
                assert "_" not in title
                assert title != verb


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_story_of_a_closed_complaint_shows_no_raw_verb(cast, customer, freeze, client, language):
    freeze("2026-03-02 09:00")
    ticket = way.complaint(cast, customer)
    way.walk(cast, ticket, "closed")
    client.force_login(cast.supervisor)
    page = client.get(reverse("workplace:ticket", args=[ticket.item.number]), headers={"accept-language": language}).content.decode()
    story = page.split('id="story"')[1].split("</ol>")[0]
    text = re.sub(r"<[^>]+>", " ", story)
    raw = {verb for verb in SAID if "_" in verb and verb in text}
    assert not raw
    assert "None" not in text
