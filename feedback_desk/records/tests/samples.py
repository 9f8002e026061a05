"""Small whole files of every accepted kind, made here."""

import io
import struct
import wave
import zipfile
import zlib

OFFICE = "application/vnd.openxmlformats-officedocument."


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png() -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0\0\0\0")) + chunk(b"IEND", b"")


def jpeg() -> bytes:
    thumbnail = b"Exif\0\0\xff\xd8\xff\xd9"
    exif = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    return b"\xff\xd8" + exif + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + b"picture" * 20 + b"\xff\xd9"


def box(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data) + 8, name) + data


def film(brand: bytes, body: bytes = b"moov") -> bytes:
    return box(b"ftyp", brand + b"\0\0\0\0" + brand) + box(body, b"\0" * 40) + box(b"mdat", b"\0" * 100)


def package(part: str, *extra: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as z:
        z.writestr("[Content_Types].xml", f'<Types><Override ContentType="{OFFICE}{part}.main+xml"/></Types>')
        for name in extra:
            z.writestr(name, "x")
    return memory.getvalue()


def archive() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as z:
        z.writestr("letter.txt", "hello")
    return memory.getvalue()


def ole(stream: str) -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000 + stream.encode("utf-16-le") + b"\0" * 64


def wav() -> bytes:
    memory = io.BytesIO()
    with wave.open(memory, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(8000)
        w.writeframes(b"\0\0" * 80)
    return memory.getvalue()


WHOLE: dict[str, tuple[bytes, str]] = {
    "photo.png": (png(), "image/png"),
    "photo.JPG": (jpeg(), "image/jpeg"),
    "moving.gif": (b"GIF89a" + b"\0" * 20 + b";", "image/gif"),
    "photo.webp": (b"RIFF" + struct.pack("<I", 24) + b"WEBP" + b"\0" * 20, "image/webp"),
    "photo.heic": (film(b"heic", b"meta"), "image/heic"),
    "letter.pdf": (b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n", "application/pdf"),
    "letter.docx": (package("wordprocessingml.document"), f"{OFFICE}wordprocessingml.document"),
    "orders.xlsx": (package("spreadsheetml.sheet"), f"{OFFICE}spreadsheetml.sheet"),
    "talk.pptx": (package("presentationml.presentation"), f"{OFFICE}presentationml.presentation"),
    "letter.doc": (ole("WordDocument"), "application/msword"),
    "orders.xls": (ole("Workbook"), "application/vnd.ms-excel"),
    "note.txt": ("客户要求更换".encode(), "text/plain"),
    "old.txt": ("客户要求更换".encode("gb18030"), "text/plain"),
    "orders.csv": ("\ufeff订单,数量\r\n1,2\r\n".encode(), "text/csv"),
    "call.mp3": (b"ID3\x04\0\0\0\0\0\x0a" + b"\0" * 10 + b"\xff\xfb\x90\0" + b"\0" * 100, "audio/mpeg"),
    "bare.mp3": (b"\xff\xfb\x90\0" + b"\0" * 100, "audio/mpeg"),
    "call.m4a": (film(b"M4A "), "audio/mp4"),
    "call.wav": (wav(), "audio/wav"),
    "call.amr": (b"#!AMR\n" + b"\0" * 20, "audio/amr"),
    "call.ogg": (b"OggS" + b"\0" * 40, "audio/ogg"),
    "door.mp4": (film(b"isom"), "video/mp4"),
    "door.mov": (film(b"qt  "), "video/quicktime"),
    "old.mov": (box(b"wide", b"") + box(b"mdat", b"\0" * 10) + box(b"moov", b"\0" * 10), "video/quicktime"),
}
