"""The desk's settings for processes that are killed on purpose: keys under a prefix of their own in a Redis that others use, and less patience."""

import os
from typing import Any

from feedback_desk.settings import *  # noqa: F403 - a settings module adds to the one below it
from feedback_desk.settings import CELERY_BROKER_TRANSPORT_OPTIONS

CELERY_IMPORTS = ("tests.impatience",)
if prefix := os.environ.get("DESK_TEST_PREFIX"):
    options: dict[str, Any] = {**CELERY_BROKER_TRANSPORT_OPTIONS, "global_keyprefix": prefix}
    CELERY_BROKER_TRANSPORT_OPTIONS = options
if patience := int(os.environ.get("DESK_TEST_VISIBILITY", "0")):
    CELERY_BROKER_TRANSPORT_OPTIONS = {**CELERY_BROKER_TRANSPORT_OPTIONS, "visibility_timeout": patience}
    CELERY_VISIBILITY_TIMEOUT = patience
