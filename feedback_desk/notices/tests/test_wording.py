"""What a notice says is said in its reader's language, whoever caused it."""

import pytest

from feedback_desk.notices import wording
from feedback_desk.notices.models import Notice


def test_the_desks_own_words_are_said_in_the_readers_language() -> None:
    notice = Notice(template="approval_wanted", data={"number": "FK1", "title": "水管", "what": "Check of a form handed over"})
    assert "转交的处理单待质检" in wording.subject(notice, "zh-hans")
    assert "Check of a form handed over" in wording.subject(notice, "en")


@pytest.mark.parametrize(("language", "said"), [("zh-hans", "林雅雯 退回：100% 不归我管"), ("en", "林雅雯 declined it: 100% 不归我管")])
def test_words_with_values_keep_what_people_typed(language: str, said: str) -> None:
    data = {"number": "T1", "title": "水管", "message": "%(name)s declined it: %(reason)s", "said": {"name": "林雅雯", "reason": "100% 不归我管"}}
    assert said in wording.text(Notice(template="generic", data=data), language)


def test_words_kept_before_are_said_as_they_were_kept() -> None:
    assert "总经理已同意" in wording.text(Notice(template="generic", data={"message": "总经理已同意 100%"}), "en")


def test_a_sentence_in_a_subject_goes_without_its_full_stop() -> None:
    notice = Notice(template="generic", data={"number": "T1", "title": "水管", "message": "An urgent item was registered."})
    assert wording.subject(notice, "en") == "An urgent item was registered · T1 水管"
    assert "。" not in wording.subject(notice, "zh-hans")
