"""Drafts are sealed at rest (V4), and a lost key loses drafts, not pages."""

import pytest
from cryptography.fernet import Fernet

from feedback_desk import clock
from feedback_desk.workplace.models import Draft, sealed

pytestmark = pytest.mark.django_db


def test_V4_a_draft_is_sealed_at_rest_and_read_as_it_was_typed(agent):
    draft = Draft.objects.create(user=agent, place="register", data=sealed({"new-phone": "13812342071"}), saved_at=clock.now())
    assert "13812342071" not in str(draft.data)
    assert Draft.objects.get(pk=draft.pk).typed == {"new-phone": "13812342071"}


def test_a_draft_whose_key_is_gone_is_empty(agent, settings):
    draft = Draft(user=agent, place="register", data=sealed({"summary": "冰箱不制冷"}), saved_at=clock.now())
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    assert draft.typed == {}
