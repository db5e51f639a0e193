"""Signing and checking JWTs (RFC 7515, 7519): one algorithm, keys named by ``kid``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jwt
from jwt.utils import base64url_decode, base64url_encode
from rest_framework_simplejwt.backends import TokenBackend as SimpleTokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError

from .backend import LEEWAY, MAX_TOKEN, is_epoch

REQUIRED_CLAIMS = ("exp", "iat", "jti", "sub", "sid")


class TokenBackend(SimpleTokenBackend):
    """simplejwt's backend with a key ring: every token names its key in ``kid``, only known names are looked up."""

    def __init__(self, *, keyring: Mapping[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.keyring = keyring
        self.kid = next(iter(keyring))
        self._method = jwt.get_algorithm_by_name(self.algorithm)

    @cached_property
    def _head(self) -> bytes:
        return self._header(self.kid).encode()

    @cached_property
    def _signing(self) -> Any:
        return self._raw(self.signing_key)

    @cached_property
    def _by_header(self) -> dict[str, Any]:
        if self.audience is not None or self.issuer is not None:
            return {}
        return {self._header(kid): self._raw(key) for kid, key in self.keyring.items()}

    def encode(self, payload: dict[str, Any]) -> str:
        """Sign a payload; ``aud`` and ``iss`` are added where they are configured."""
        claims = dict(payload)
        if self.audience is not None:
            claims["aud"] = self.audience
        if self.issuer is not None:
            claims["iss"] = self.issuer
        body = json.dumps(claims, separators=(",", ":")).encode()
        signed = self._head + b"." + base64url_encode(body)
        return (signed + b"." + base64url_encode(self._method.sign(signed, self._signing))).decode()

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """Return the payload of a token with a good signature, good ``iat`` and ``nbf`` and every claim of ours.

        ``exp`` is there and an integer, but left to the caller: a logout takes an expired token too.
        Raises simplejwt's ``TokenBackendError`` for everything else.
        """
        if not isinstance(token, (str, bytes)) or len(token) > MAX_TOKEN:
            raise TokenBackendError("Token is invalid")
        try:
            text = token if isinstance(token, str) else token.decode()
            parts = _parts(text)
            payload = self._own(text, parts) if verify else None
            if payload is None:
                payload = self._any(text, verify)
        except (jwt.PyJWTError, ValueError, OverflowError, TypeError, RecursionError) as error:
            raise TokenBackendError("Token is invalid") from error
        if not is_epoch(payload["exp"]) or not is_epoch(payload["iat"]):
            raise TokenBackendError("Token is invalid")
        return payload

    def _header(self, kid: str) -> str:
        """Return the header of tokens of ours as it stands in their text."""
        fields = {"alg": self.algorithm, "kid": kid, "typ": "JWT"}
        return base64url_encode(json.dumps(fields, separators=(",", ":")).encode()).decode()

    def _own(self, token: str, parts: list[bytes]) -> dict[str, Any] | None:
        """Return the payload of a token whose header is, to the letter, one that we write; None for any other.

        PyJWT's algorithm checks the signature. What is left out is to read that header again and to look at every
        character twice, which costs PyJWT seven times as much (decision 0011).
        """
        key = self._by_header.get(token.partition(".")[0])
        if key is None or len(parts) != 3:
            return None
        if not self._method.verify(token.rpartition(".")[0].encode(), key, parts[2]):
            raise jwt.InvalidSignatureError("the signature is another")
        payload: dict[str, Any] = json.loads(parts[1])
        _check_claims(payload)
        return payload

    def _any(self, token: str, verify: bool) -> dict[str, Any]:
        """Have PyJWT read a token: one with an audience or an issuer, or with a header that we write otherwise."""
        return jwt.decode(
            token,
            self._key_of(token),
            algorithms=[self.algorithm],
            audience=self.audience,
            issuer=self.issuer,
            leeway=self.get_leeway(),
            options={
                "verify_signature": verify,
                "verify_aud": self.audience is not None,
                "verify_exp": False,
                "require": list(REQUIRED_CLAIMS),
            },
        )

    def _key_of(self, token: str) -> Any:
        """Return the key that the header names."""
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str) or kid not in self.keyring:
            raise jwt.InvalidTokenError("unknown key")
        return self.keyring[kid]

    def _raw(self, key: Any) -> Any:
        """Return a key as the algorithm takes it. Raises ``jwt.InvalidKeyError`` for one of another kind."""
        return self._method.prepare_key(key)


def _check_claims(payload: Any) -> None:
    """Refuse what PyJWT refuses in a payload: a claim of ours that is missing or no text, and a time in the future."""
    if not isinstance(payload, dict) or any(payload.get(claim) is None for claim in REQUIRED_CLAIMS):
        raise jwt.InvalidTokenError("a claim is missing")
    if not all(isinstance(payload[claim], str) for claim in ("sub", "jti")):
        raise jwt.InvalidTokenError("a claim is no text")
    latest = time.time() + LEEWAY.total_seconds()
    if any(int(payload[claim]) > latest for claim in ("iat", "nbf") if claim in payload):
        raise jwt.ImmatureSignatureError("not yet")


def _parts(token: str) -> list[bytes]:
    """Return the parts, decoded. Refuses any text of a token but the one that was signed.

    Header and payload are signed as text. The signature is under none, and decoders pass over padding, the spare bits
    of its last character and, some of them, whatever is not base64 (RFC 7515 section 2, RFC 4648 section 3.5).
    """
    texts = token.encode().split(b".")
    parts = [base64url_decode(text) for text in texts]
    if [base64url_encode(part) for part in parts] != texts:
        raise jwt.InvalidTokenError("a part is not in base64url")
    return parts
