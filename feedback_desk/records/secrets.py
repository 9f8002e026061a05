"""Personal data at rest (V4, decision 11): MultiFernet for the value, keyed HMAC to find it whole or by its last four digits.

Keys are settings.FIELD_KEYS (newest first; older ones still decrypt) and settings.INDEX_KEY, apart from SECRET_KEY and from backups.
"""

import hashlib
import hmac
import re
import unicodedata
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(value: str) -> str:
    return _fernet(tuple(settings.FIELD_KEYS)).encrypt(value.encode()).decode()


def unseal(token: str) -> str:
    return _fernet(tuple(settings.FIELD_KEYS)).decrypt(token.encode()).decode()


def normal(kind: str, value: str) -> str:
    """The form in which two writings of one address are the same: full width to half, phones to digits without +86 or 0086."""
    value = unicodedata.normalize("NFKC", value).strip().lower()
    if kind != "phone":
        return " ".join(value.split())
    digits = re.sub(r"\D", "", value)
    return re.sub(r"^(?:0086|86)(?=1\d{10}$)", "", digits)


def fingerprint(kind: str, value: str) -> str:
    """HMAC-SHA256 (hex) of the whole normalised value; the empty string for an empty one."""
    return _hmac(f"{kind}:{text}") if (text := normal(kind, value)) else ""


def last_four(kind: str, value: str) -> str:
    """HMAC of the last four digits of a phone number; guessable by who holds the key, as decided."""
    digits = normal(kind, value)
    return _hmac(f"last4:{digits[-4:]}") if kind == "phone" and len(digits) >= 4 else ""


def _hmac(text: str) -> str:
    return hmac.new(settings.INDEX_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def mask(kind: str, value: str) -> str:
    """What people without the right see: 138****2071, l***@example.com, 武汉市***."""
    value = value.strip()
    if not value:
        return ""
    if kind == "phone":
        digits = re.sub(r"\D", "", value)
        return f"{digits[:3]}****{digits[-4:]}" if len(digits) >= 9 else f"****{digits[-2:]}"
    if kind == "email":
        name, at, host = value.partition("@")
        return f"{name[:1]}***{at}{host}"
    return f"{value[:3]}***"


def mask_name(name: str, kind: str = "person") -> str:
    """陈雨瑶 → 陈*瑶, 顾明 → 顾*; a company's name stays (its particulars do not)."""
    name = name.strip()
    if kind == "company" or not name:
        return name
    if name.isascii():
        return " ".join(f"{part[:1]}***" for part in name.split())
    return f"{name[0]}*" if len(name) == 2 else f"{name[0]}{'*' * min(len(name) - 2, 2)}{name[-1]}" if len(name) > 2 else name
