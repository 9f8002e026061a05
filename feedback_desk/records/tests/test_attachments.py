"""Uploads broken, too large, of a forbidden type: a sentence (bad input)."""

import hashlib

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.utils.translation import override

from feedback_desk import clock
from feedback_desk.people.actors import CUSTOMER
from feedback_desk.records import attachments, items
from feedback_desk.records.models import Attachment, Kind
from feedback_desk.records.signatures import ACCEPTED
from feedback_desk.records.tests.samples import WHOLE, archive, jpeg, ole, package, png, wav


def refusal(name: str, data: bytes) -> str:
    with override("en"), pytest.raises(ValidationError) as caught:
        attachments.check(SimpleUploadedFile(name, data))
    return str(caught.value.messages[0])


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_of_an_accepted_kind_is_taken(name):
    data, content_type = WHOLE[name]
    assert attachments.check(SimpleUploadedFile(name, data)) == content_type


def test_every_accepted_kind_has_a_sample():
    assert {kind for _data, kind in WHOLE.values()} == {kind.content_type for kind in ACCEPTED}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("plan.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"),
        ("page.html", b"<!doctype html><script>alert(1)</script>"),
        ("setup.exe", b"MZ\x90\0"),
        ("run.sh", b"#!/bin/sh\n"),
        ("run.js", b"alert(1)"),
        ("files.zip", archive()),
        ("files.rar", b"Rar!\x1a\x07\0"),
        ("macro.docm", package("wordprocessingml.document")),
        ("no-extension", png()),
        ("photo.png.exe", png()),
    ],
)
def test_forbidden_types_are_refused_by_name(name, data):
    assert refusal(name, data) == f"{name} is of a type that is not accepted. Send pictures, PDF, Office documents, text, sound or film."


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("photo.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("photo.jpg", b"<html></html>"),
        ("letter.pdf", b"MZ\x90\0" + b"\0" * 100),
        ("letter.docx", archive()),
        ("letter.docx", package("wordprocessingml.document", "word/vbaProject.bin")),
        ("letter.doc", ole("WordDocument") + "_VBA_PROJECT".encode("utf-16-le")),
        ("setup.doc", ole("MsiPackage")),
        ("note.txt", b"<!DOCTYPE html><script>alert(1)</script>"),
        ("note.txt", b"\xef\xbb\xbf  <svg onload=alert(1)>"),
        ("note.txt", b"#!/bin/sh\nrm -rf /"),
        ("note.csv", b"MZ\x90\0\x03\0\0\0"),
        ("note.txt", b"\xff\xfe\xff"),
        ("call.mp3", b"\xff\xd8\xff\xe0" + b"\0" * 50),
        ("door.mp4", b"\0\0\0\x18ftypevil" + b"\0" * 40),
    ],
)
def test_forbidden_content_under_an_accepted_name_is_refused(name, data):
    assert refusal(name, data) == f"{name} is broken or not a .{name.rpartition('.')[2]} file."


@pytest.mark.parametrize(
    ("name", "data", "really"),
    [
        ("photo.jpg", png(), "png"),
        ("letter.pdf", jpeg(), "jpg"),
        ("orders.xlsx", package("wordprocessingml.document"), "docx"),
        ("call.mp3", wav(), "wav"),
        ("note.txt", png(), "png"),
    ],
)
def test_the_extension_must_match_the_content(name, data, really):
    assert refusal(name, data) == f"The content of {name} is not what its name says: it is a .{really} file."


@pytest.mark.parametrize("name", ["photo.png", "photo.JPG", "moving.gif", "photo.webp", "photo.heic",
    "letter.pdf", "letter.docx", "call.m4a", "call.wav", "door.mp4", "door.mov"])
def test_a_file_cut_short_is_refused_as_broken(name):
    data = WHOLE[name][0]
    assert refusal(name, data[: len(data) - 9]) == f"{name} is broken or not a .{name.rpartition('.')[2].lower()} file."


def test_an_empty_file_is_refused():
    assert refusal("photo.png", b"") == "photo.png is empty."


def test_a_file_above_the_limit_is_refused_before_it_is_read(settings):
    settings.ATTACHMENT_MAX_BYTES = 1024 * 1024
    assert refusal("photo.png", png() + b"\0" * 1024 * 1024) == "photo.png is larger than 1 MB."


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\li\\照片.jpg", "照片.jpg"),
        ("bad\r\nSet-Cookie: x.png", "bad Set-Cookie: x.png"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\x00b\x01.pdf", "ab.pdf"),
        ("..", "file"),
        ("", "file"),
        ("长" * 300 + ".pdf", "长" * 196 + ".pdf"),
    ],
)
def test_names_are_cleaned(given, kept):
    assert attachments.clean_name(given) == kept


def test_store_keeps_content_digest_and_size(db, settings):
    item = items.open_item(Kind.TICKET, title="x", at=clock.now())
    kept = attachments.store(item, SimpleUploadedFile("照片.png", png(), content_type="text/html"), by=CUSTOMER, at=clock.now())
    kept = Attachment.objects.get(pk=kept.pk)
    assert (kept.name, kept.content_type, kept.size, kept.uploaded_by) == ("照片.png", "image/png", len(png()), None)
    assert kept.sha256 == hashlib.sha256(png()).hexdigest()
    assert kept.file.read() == png()
    assert "png" not in str(kept.file.name)
    assert str(settings.MEDIA_ROOT) in kept.file.path


def test_an_upload_on_disk_is_checked_like_one_in_memory():
    upload = TemporaryUploadedFile("letter.docx", "application/zip", len(package("wordprocessingml.document")), None)
    upload.write(package("wordprocessingml.document"))
    assert attachments.check(upload).endswith("wordprocessingml.document")
