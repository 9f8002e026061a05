"""Refusals, moves that came too late, what is not there, what broke: on a page and inside one, in both languages."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpResponse
from django.test import RequestFactory
from django.utils import translation
from django_htmx.middleware import HtmxDetails

from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import Refusal
from feedback_desk.workplace import errors
from feedback_desk.workplace.middleware import AnswerMiddleware


def ask(error: Exception, *, htmx: bool = False, language: str = "en", method: str = "post") -> HttpResponse:
    request = getattr(RequestFactory(), method)("/desk/tickets/TASK1/", headers={"HX-Request": "true"} if htmx else {})
    request.user = AnonymousUser()
    request.htmx = HtmxDetails(request)
    with translation.override(language):
        answer = AnswerMiddleware(lambda _: HttpResponse()).process_exception(request, error)
    assert answer is not None
    return answer


@pytest.mark.django_db
def test_V3_a_refused_move_is_answered_403_and_recorded() -> None:
    answer = ask(NotYou("You are named in this matter.", verb="rule"))
    assert answer.status_code == 403
    assert b"You are named in this matter." in answer.content
    assert Refusal.objects.get().verb == "rule"


@pytest.mark.parametrize(("language", "heading"), [("en", "This did not happen"), ("zh-hans", "这一步没有做成")])
def test_a_move_that_came_too_late_is_answered_409_with_what_is_missing(language: str, heading: str) -> None:
    answer = ask(NotNow("Lin moved it to “In review” today 10:44.", missing=["The shares add up to 80 %."]), language=language)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Lin moved it" in page
    assert "The shares add up to 80 %." in page
    assert heading in page



def test_inside_a_page_the_sentence_alone_comes_and_what_was_typed_stays() -> None:
    answer = ask(NotNow("Lin moved it."), htmx=True)
    assert answer.status_code == 409
    assert answer["HX-Retarget"] == "#toasts"
    assert b"<html" not in answer.content
    assert b"What you typed is still here." in answer.content


def test_inside_a_page_a_number_that_does_not_exist_is_a_sentence() -> None:
    assert ask(Http404(), htmx=True).status_code == 404


def test_other_errors_are_left_alone() -> None:
    request = RequestFactory().get("/")
    request.htmx = HtmxDetails(request)  # type: ignore[attr-defined]
    assert AnswerMiddleware(lambda _: HttpResponse()).process_exception(request, ValueError()) is None


@pytest.mark.parametrize(("language", "html_lang"), [("en", "en"), ("zh-hans", "zh-CN")])
def test_the_404_page_asks_the_database_nothing(language: str, html_lang: str) -> None:
    with translation.override(language):
        answer = errors.not_found(RequestFactory().get("/nothing/"), Http404())
    assert answer.status_code == 404
    assert f'lang="{html_lang}"'.encode() in answer.content


def test_the_500_page_speaks_both_languages_and_asks_nothing() -> None:
    answer = errors.broken(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "反馈台出错了" in answer.content.decode()
    assert "Something broke" in answer.content.decode()
