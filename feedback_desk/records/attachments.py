"""Files people hang on an item: checked by content, kept under a name nobody can guess, given back as a download (I2, bad input)."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.utils.translation import gettext as _

from feedback_desk.people.actors import Actor, person
from feedback_desk.records.models import Attachment, Item
from feedback_desk.records.signatures import ACCEPTED, BY_EXTENSION, Content

NAME_LENGTH = 200


def check(upload: File[bytes]) -> str:
    """The content type as the content tells it. Raises ValidationError with a sentence for the person who sent it."""
    name, size = clean_name(upload.name or ""), upload.size or 0
    if size == 0:
        raise _refused(_("%(name)s is empty."), name)
    if size > settings.ATTACHMENT_MAX_BYTES:
        raise _refused(_("%(name)s is larger than %(megabytes)s MB."), name, megabytes=settings.ATTACHMENT_MAX_BYTES // (1024 * 1024))
    kind = BY_EXTENSION.get(extension_of(name))
    if kind is None:
        raise _refused(_("%(name)s is of a type that is not accepted. Send pictures, PDF, Office documents, text, sound or film."), name)
    content = Content(_opened(upload), size)
    if not kind.fits(content):
        if other := next((k for k in ACCEPTED if k.content_type[:5] != "text/" and k.fits(content)), None):
            raise _refused(_("The content of %(name)s is not what its name says: it is a .%(extension)s file."), name, extension=other.extensions[0])
        raise _refused(_("%(name)s is broken or not a .%(extension)s file."), name, extension=extension_of(name))
    upload.seek(0)
    return kind.content_type


def store(item: Item, upload: File[bytes], by: Actor, at: datetime) -> Attachment:
    """Check the file and keep it on the item; the caller writes the history."""
    content_type = check(upload)
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    name = clean_name(upload.name or "")
    attachment = Attachment(
        item=item, name=name, content_type=content_type, size=upload.size, sha256=digest.hexdigest(), uploaded_at=at, uploaded_by=person(by),
    )  # fmt: skip
    attachment.file.save(name, upload, save=False)
    attachment.save(force_insert=True)
    return attachment


def clean_name(name: str) -> str:
    """The last part of the path without control, direction and other invisible characters, at most 200 long, its extension kept."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join(" " if c.isspace() else c for c in name if c.isspace() or unicodedata.category(c)[0] != "C")
    name = re.sub(r"\s+", " ", name).strip(" .")
    stem, extension = PurePosixPath(name).stem, PurePosixPath(name).suffix
    return f"{stem[: NAME_LENGTH - len(extension)]}{extension}" if 0 < len(extension) <= 20 else name[:NAME_LENGTH] or "file"


def extension_of(name: str) -> str:
    return PurePosixPath(name).suffix[1:].lower()


def _opened(upload: File[bytes]) -> Any:
    """A readable, seekable file: uploads in memory and on disk answer alike."""
    upload.seek(0)
    return upload.file


def _refused(sentence: str, name: str, **params: Any) -> ValidationError:
    return ValidationError(sentence % {"name": name, **params}, code="attachment")
