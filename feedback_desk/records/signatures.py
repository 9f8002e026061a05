"""What an uploaded file really is, told by its content: one test per accepted kind, and no more reading than it needs.

A test answers whether the content is a whole file of its kind; a truncated one is none. Nothing is unpacked or rendered.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

TAIL = 64 * 1024
OFFICE = "application/vnd.openxmlformats-officedocument."
TYPES_PART, TYPES_LIMIT = "[Content_Types].xml", 1_000_000
MARKUP = ("<!doctype", "<html", "<svg", "<?xml", "<script", "<?php", "#!")


@dataclass
class Content:
    """An open file: its size, its first and last bytes, all of it when a test has to see all."""

    file: IO[bytes]
    size: int

    def read(self, start: int, length: int) -> bytes:
        self.file.seek(start)
        return self.file.read(length)

    @property
    def head(self) -> bytes:
        return self.read(0, TAIL)

    @property
    def tail(self) -> bytes:
        return self.read(max(self.size - TAIL, 0), TAIL)

    @property
    def whole(self) -> bytes:
        return self.read(0, self.size)


@dataclass(frozen=True)
class Accepted:
    """One kind of file people may send."""

    content_type: str
    extensions: tuple[str, ...]
    fits: Callable[[Content], bool]


def png(content: Content) -> bool:
    return content.head.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") and b"IEND\xaeB`\x82" in content.tail


def gif(content: Content) -> bool:
    return content.head.startswith((b"GIF87a", b"GIF89a")) and b";" in content.tail[-8:]


def jpeg(content: Content) -> bool:
    """Walk the segments to the picture itself; its end mark must follow (the thumbnail in the header has one of its own)."""
    data, at = content.whole, 2
    if not data.startswith(b"\xff\xd8\xff"):
        return False
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xDA:
            return data.find(b"\xff\xd9", at) > 0
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def riff(form: bytes, *, streamed: bool = False) -> Callable[[Content], bool]:
    """`streamed`: recorders that do not know the length beforehand leave it 0 or all ones."""

    def fits(content: Content) -> bool:
        head = content.read(0, 12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:12] != form:
            return False
        said = int.from_bytes(head[4:8], "little")
        return 4 < said <= content.size - 8 or (streamed and said in (0, 0xFFFFFFFF))

    return fits


def boxes(content: Content) -> Iterator[tuple[bytes, int]]:
    """Top-level boxes of an ISO media file with their offsets; ends with (b"", 0) when one reaches past the end of the file."""
    at = 0
    while at + 8 <= content.size:
        size, name = struct.unpack(">I4s", content.read(at, 8))
        if size == 1:
            size = int.from_bytes(content.read(at + 8, 8), "big")
        elif size == 0:
            size = content.size - at
        if size < 8 or at + size > content.size:
            yield b"", 0
            return
        yield name, at
        at += size


def iso_media(needs: bytes, *brands: bytes, bare: bool = False) -> Callable[[Content], bool]:
    """MP4 and its relatives; `bare`: old QuickTime files begin without a brand."""

    def fits(content: Content) -> bool:
        first = content.read(4, 8)
        if first[:4] == b"ftyp":
            listed = content.read(8, max(int.from_bytes(content.read(0, 4), "big") - 8, 4) if content.size > 16 else 4)
            if not any(brand in listed for brand in brands):
                return False
        elif not (bare and first[:4] in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")):
            return False
        names = {name for name, _at in boxes(content)}
        return needs in names and b"" not in names

    return fits


def pdf(content: Content) -> bool:
    return b"%PDF-" in content.read(0, 1024) and b"%%EOF" in content.tail[-2048:]


def office(part: str) -> Callable[[Content], bool]:
    """An Office package whose main part is of this kind; those with macros declare another kind."""

    def fits(content: Content) -> bool:
        try:
            with zipfile.ZipFile(content.file) as package:
                info = package.getinfo(TYPES_PART)
                types = package.open(info).read(TYPES_LIMIT)
                return f"{OFFICE}{part}.main+xml".encode() in types and not any(n.endswith("vbaProject.bin") for n in package.namelist())
        except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError, zlib.error, EOFError, OSError):
            return False

    return fits


def ole(*streams: str) -> Callable[[Content], bool]:
    """An old Office document that holds one of these streams and no macros."""

    def fits(content: Content) -> bool:
        data = content.whole if content.size >= 1536 else b""
        if not data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
            return False
        return any(name.encode("utf-16-le") in data for name in streams) and "_VBA_PROJECT".encode("utf-16-le") not in data

    return fits


def text(content: Content) -> bool:
    """UTF-8 or GB 18030 without control characters, and no page or script under a plain name."""
    words = decoded(content.whole)
    if words is None or any(ord(c) < 32 and c not in "\t\n\r\f" or c == "\x7f" for c in words):
        return False
    return not words.lstrip("\ufeff \t\r\n").lower().startswith(MARKUP)


def decoded(data: bytes) -> str | None:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def mp3(content: Content) -> bool:
    """An ID3 tag that leaves room for sound, or a frame header of layer III."""
    head = content.read(0, 10)
    if len(head) < 10:
        return False
    if head.startswith(b"ID3"):
        length = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        return 10 + length < content.size
    return head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] >> 4 != 15 and (head[2] >> 2) & 3 != 3


def starts(*marks: bytes) -> Callable[[Content], bool]:
    def fits(content: Content) -> bool:
        return any(content.read(0, len(mark)) == mark and content.size > len(mark) for mark in marks)

    return fits


FILM = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"3gp4", b"3gp5", b"3gp6", b"MSNV", b"dash")
ACCEPTED: tuple[Accepted, ...] = (
    Accepted("image/png", ("png",), png),
    Accepted("image/jpeg", ("jpg", "jpeg"), jpeg),
    Accepted("image/gif", ("gif",), gif),
    Accepted("image/webp", ("webp",), riff(b"WEBP")),
    Accepted("image/heic", ("heic", "heif"), iso_media(b"meta", b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1")),
    Accepted("application/pdf", ("pdf",), pdf),
    Accepted(f"{OFFICE}wordprocessingml.document", ("docx",), office("wordprocessingml.document")),
    Accepted(f"{OFFICE}spreadsheetml.sheet", ("xlsx",), office("spreadsheetml.sheet")),
    Accepted(f"{OFFICE}presentationml.presentation", ("pptx",), office("presentationml.presentation")),
    Accepted("application/msword", ("doc",), ole("WordDocument")),
    Accepted("application/vnd.ms-excel", ("xls",), ole("Workbook", "Book")),
    Accepted("text/plain", ("txt",), text),
    Accepted("text/csv", ("csv",), text),
    Accepted("audio/mpeg", ("mp3",), mp3),
    Accepted("audio/mp4", ("m4a",), iso_media(b"moov", b"M4A ", b"M4B ", *FILM)),
    Accepted("audio/wav", ("wav",), riff(b"WAVE", streamed=True)),
    Accepted("audio/amr", ("amr",), starts(b"#!AMR\n", b"#!AMR-WB\n")),
    Accepted("audio/ogg", ("ogg", "oga"), starts(b"OggS")),
    Accepted("video/mp4", ("mp4",), iso_media(b"moov", *FILM)),
    Accepted("video/quicktime", ("mov",), iso_media(b"moov", b"qt  ", bare=True)),
)
BY_EXTENSION = {extension: kind for kind in ACCEPTED for extension in kind.extensions}
