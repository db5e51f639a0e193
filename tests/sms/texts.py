"""A text as phones and networks read it."""

from __future__ import annotations

import re

GSM_7 = re.compile(r"[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà]*")
"""The alphabet of which 160 characters are one segment (3GPP TS 23.038)."""


def parse_origin_bound(text: str) -> tuple[str, str] | None:
    """Return host and code of a text as a phone reads them (WICG, Origin-bound one-time codes, section 3.2)."""
    line = text.rsplit("\n", 1)[-1]
    if not line.startswith("@"):
        return None
    host, space, rest = line[1:].partition(" ")
    if not space or not rest.startswith("#") or not host:
        return None
    code = rest[1:].split(" ", 1)[0]
    return (host, code) if code else None
