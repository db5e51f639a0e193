"""Tests of securelogin.tokens.backend: whose signature counts, and for how long."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.conf import settings as project
from django.test import override_settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework_simplejwt.exceptions import TokenBackendError

from securelogin import keys, tokens
from securelogin.exceptions import TokenInvalid
from securelogin.tokens import backend, jws
from tests.tokens.tickets import LEFT_OUT, claims, header, pair, read_part, sign

if TYPE_CHECKING:
    from pytest_django import Settings

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
OWN_KEY = "a signing key of the project's own, quite long enough"
NEW_KEY = "another key for tests, long enough for every check and known to everyone"

BAD_HEADERS: list[Any] = [
    {"alg": "none"},
    {"alg": "None"},
    {"alg": "nOnE"},
    {"alg": ""},
    {"alg": None},
    {"alg": LEFT_OUT},
    {"alg": "hs256"},
    {"alg": "HS384"},
    {"alg": "HS512"},
    {"alg": "RS256"},
    {"alg": ["HS256"]},
    {"alg": {"HS256": 1}},
    {"alg": 256},
    {"kid": LEFT_OUT},
    {"kid": None},
    {"kid": ""},
    {"kid": 0},
    {"kid": True},
    {"kid": []},
    {"kid": {}},
    {"kid": "../../../../dev/null"},
    {"kid": "' OR 1=1 --"},
    {"kid": "\x00"},
    pytest.param({"kid": "k" * 3000}, id="long kid"),
    {"crit": ["x"], "x": 1},
    {"crit": ["exp"], "exp": 1},
    {"crit": []},
    {"crit": "x"},
    {"crit": None},
    {"crit": ["b64"], "b64": False},
    {"b64": False},
]

BAD_PAYLOADS: list[Any] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"text"',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    pytest.param(b"[" * 2000, id="2000 lists"),
    pytest.param(b'{"exp":' * 300, id="300 objects"),
    {},
]

TIMES: list[Any] = [LEFT_OUT, None, "1", "", 1.5, [], {}, [1], float("nan"), float("inf"), float("-inf")]


NINES = [pytest.param("9" * digits, id=f"{digits} digits") for digits in (400, 3000, 4000)]


@pytest.fixture(scope="module")
def rsa_pair() -> tuple[str, str]:
    """A private key and its public one, as PEM."""
    return _pem(rsa.generate_private_key(65537, 2048))


@pytest.fixture(scope="module")
def ec_pair() -> tuple[str, str]:
    """The same on a curve."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> tuple[str, str]:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@pytest.fixture(autouse=True)
def _clean_settings() -> Iterator[None]:
    """Leave no backend of a test's settings to the next test."""
    yield
    backend.current()


def _refuses(text: str | bytes) -> bool:
    """Whether it is refused, in simplejwt's words, whatever was wrong: by us, and by PyJWT where it has the whole."""
    ours = backend.current()
    outcomes = [_outcome(ours, text)]
    vars(ours)["_by_header"] = {}
    outcomes.append(_outcome(ours, text))
    del vars(ours)["_by_header"]
    assert outcomes[0] == outcomes[1]
    return outcomes[0] == "Token is invalid"


def test_token_in_another_spelling_of_the_header_is_read() -> None:
    """By PyJWT: a host may sign with our key."""
    head = {"typ": "JWT", "kid": keys.current("jwt").id, "alg": "HS256"}
    text = sign(payload := claims(), head)
    assert text.partition(".")[0] not in backend.current()._by_header
    assert backend.current().decode(text) == payload


def _outcome(ours: jws.TokenBackend, text: str | bytes) -> dict[str, Any] | str:
    try:
        return ours.decode(text)
    except TokenBackendError as error:
        return str(error)


def test_good_token_is_read() -> None:
    """What the helpers sign by hand is what we sign: all refusals below are for what was changed."""
    payload = claims()
    assert sign(payload) == backend.current().encode(payload)
    assert backend.current().decode(sign(payload)) == payload
    assert backend.current().decode(backend.current().encode(payload)) == payload
    assert backend.current().decode(sign(payload).encode()) == payload


@pytest.mark.parametrize("changes", BAD_HEADERS)
def test_header_chooses_neither_algorithm_nor_key(changes: dict[str, Any]) -> None:
    """One algorithm, keys by known names, no extension that we would not understand (RFC 8725 sections 3.1, 3.10)."""
    assert _refuses(sign(claims(), header(**changes)))
    assert _refuses(sign(claims(), header(**changes), key=b""))


@pytest.mark.parametrize("head", [[], "text", 1, None, {}, b"", b"{", b"\xff", b"[" * 99])
def test_header_that_is_no_object_is_refused(head: object) -> None:
    """A header is a JSON object."""
    assert _refuses(sign(claims(), head if head is not None else b"null"))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_key_in_the_header_is_not_used(name: str) -> None:
    """A token does not bring its own key, nor the place where to fetch one."""
    brought = {"kty": "oct", "k": "c2VjcmV0"} if name == "jwk" else "http://127.0.0.1:9/key"
    assert _refuses(sign(claims(), header(**{name: brought}), key=b"secret"))


@pytest.mark.parametrize("payload", BAD_PAYLOADS)
def test_payload_that_is_no_object_of_claims_is_refused(payload: object) -> None:
    """Our own signature makes no nonsense good."""
    assert _refuses(sign(payload))


@pytest.mark.parametrize("claim", jws.REQUIRED_CLAIMS)
@pytest.mark.parametrize("value", [LEFT_OUT, None])
def test_every_claim_of_ours_is_required(claim: str, value: object) -> None:
    """A token without one of them was not issued here."""
    assert _refuses(sign(claims(**{claim: value})))


@pytest.mark.parametrize("claim", ["exp", "iat"])
@pytest.mark.parametrize("value", TIMES)
def test_times_are_whole_numbers(claim: str, value: object) -> None:
    """A time that is no integer is no token, and no error of the server's."""
    assert _refuses(sign(claims(**{claim: value})))


@pytest.mark.parametrize("claim", ["exp", "iat"])
@pytest.mark.parametrize("value", [True, False])
def test_truth_is_no_time(claim: str, value: bool) -> None:
    """``true`` is an integer to Python only."""
    assert _refuses(sign(claims(**{claim: value})))


@pytest.mark.parametrize("number", ["1e400", "-1e400", *NINES, "NaN", "Infinity"])
@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_numbers_no_clock_shows_are_refused(claim: str, number: str) -> None:
    """JSON can write what no float and no calendar holds."""
    body = ", ".join(f'"{name}": {value}' for name, value in {"exp": 9999999999, "iat": 1, claim: number}.items())
    assert _refuses(sign('{"jti": "a", "sub": "b", "sid": "c", ' + body + "}"))


@pytest.mark.parametrize("options", [{}, {"LEEWAY": 60}])
@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_clocks_may_differ_by_ten_seconds(settings: Settings, claim: str, options: dict[str, Any]) -> None:
    """Machines of one site are not in step; more than ten seconds ahead is not our clock, whatever simplejwt allows."""
    settings.SIMPLE_JWT = options
    with time_machine.travel(NOON, tick=False):
        now = claims()["iat"]
        assert not _refuses(sign(claims(**{claim: now + 10})))
        assert _refuses(sign(claims(**{claim: now + 11})))


def test_expired_token_is_left_to_the_caller() -> None:
    """A logout takes an expired token; who must not is told by ``verify``."""
    assert not _refuses(sign(claims(exp=1)))


def test_every_part_of_the_text_counts() -> None:
    """No token can be cut, extended, re-joined or signed by somebody else."""
    head, payload, signature = sign(claims()).split(".")
    other = sign(claims(sub="x")).split(".")
    forged = [
        *["", ".", "..", "...", "a.b.c", f"{head}.{payload}", f"{head}.{payload}.", f".{payload}.{signature}"],
        *[f"{head}..{signature}", f"{head}.{other[1]}.{signature}", f"{head}.{payload}.{other[2]}"],
        *[f"{head}.{payload}.{signature}.x", f"x.{head}.{payload}.{signature}", f"{head}.{payload}.{signature[:-2]}"],
        *[f"{head}.{payload}.{signature}\n", f" {head}.{payload}.{signature}", f"{head}.{payload}.{signature}\x00"],
        *[f"{head}.{payload}.{'A' * len(signature)}", f"{head}.{payload}.{signature.swapcase()}"],
        *[f"é.{payload}.{signature}", f"{head}.{payload}.\ud800", '{"payload": "e30", "signature": ""}'],
        *[sign(claims(), key=b"another key of thirty-two bytes!"), sign(claims(), key=project.SECRET_KEY.encode())],
        *[sign(claims(), header(alg="HS512"), digest="sha512"), "a" * 1_000_000, "." * 1_000_000],
    ]
    assert [text for text in forged if not _refuses(text)] == []


def test_long_texts_are_not_looked_at() -> None:
    """Work is bounded by a length before anything is decoded."""
    heads = [header(x="x" * pad) for pad in range(4)]  # base64 alone misses every fourth length
    texts = {
        len(text): text for head in heads for pad in range(2650, 2750) if (text := sign(claims(pad="x" * pad), head))
    }
    assert not _refuses(texts[backend.MAX_TOKEN])
    assert _refuses(texts[backend.MAX_TOKEN + 1])


@pytest.mark.parametrize("thing", [None, 5, [], {}, memoryview(b"a.b.c")])
def test_what_is_no_text_is_no_token(thing: Any) -> None:
    """Whatever a caller hands over, the error is the one that is documented."""
    with pytest.raises(TokenBackendError):
        backend.current().decode(thing)


def test_what_was_wrong_is_for_developers() -> None:
    """The error is one for all; the cause of some refusals stands behind it, and no part of the token in it."""
    text = sign(claims())
    for refused, cause in (
        (sign(claims(), header(kid="other")), "unknown key"),
        (f"{text}=", "a part is not in base64url"),
        (sign(claims(sid=LEFT_OUT)), "a claim is missing"),
        (sign(claims(sub=1)), "a claim is no text"),
        (sign(claims(iat=2**33 - 1)), "not yet"),
        (f"{text.rpartition('.')[0]}.{sign(claims(more=1)).rpartition('.')[2]}", "the signature is another"),
    ):
        with pytest.raises(TokenBackendError) as caught:
            backend.current().decode(refused)
        assert str(caught.value.__cause__) == cause


@pytest.mark.parametrize(
    ("value", "is_time"), [(-1, False), (0, True), (1, True), (2**33 - 1, True), (2**33, False), (2**34 - 1, False)]
)
def test_times_are_of_this_era(value: int, is_time: bool) -> None:
    """From 1970 on, for as long as every calendar of ours can follow."""
    assert backend.is_epoch(value) is is_time
    assert not backend.is_epoch(float(value))


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}", fullmatch=True))
def test_any_text_is_refused_in_one_way(text: str) -> None:
    """Whatever comes, simplejwt's one error is raised."""
    assert _refuses(text)


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_breaks_the_token(place: int, change: int) -> None:
    """Every character of a token is under its signature."""
    text = sign(claims(jti="j", sub="s", sid="s", iat=1, exp=9, auth_time=1))
    raw = bytearray(text.encode())
    raw[place % len(raw)] ^= change
    assert _refuses(raw.decode("latin-1"))


# Keys


def test_stock_classes_cannot_read_ours_nor_we_theirs() -> None:
    """The default key is derived: ``SECRET_KEY``, which simplejwt signs with, opens nothing here."""
    text = pair().access_token
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(text, project.SECRET_KEY, algorithms=["HS256"])
    assert _refuses(jwt.encode(claims(), project.SECRET_KEY, algorithm="HS256", headers=header()))


def test_keys_of_other_purposes_sign_no_token() -> None:
    """The key of a device or a code is none of a token."""
    for purpose in ("device", "code", "kid", "user-id"):
        assert _refuses(sign(claims(), key=keys.current(purpose).mac()))


def test_rotated_key_is_taken_for_the_overlap_and_not_longer(settings: Settings) -> None:
    """New tokens name the new key; old ones are good while theirs is among the fallbacks."""
    before, old = pair().access_token, settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW_KEY, [old]
    after = pair().access_token
    tokens.read_access(before)
    tokens.read_access(after)
    assert read_part(before, 0)["kid"] != read_part(after, 0)["kid"] == keys.current("jwt").id
    settings.SECRET_KEY_FALLBACKS = []
    tokens.read_access(after)
    with pytest.raises(TokenInvalid):
        tokens.read_access(before)


@pytest.mark.parametrize("method", ["HS256", "RS256", "ES256"])
def test_header_of_ours_is_known_by_its_text(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, method: str, request: pytest.FixtureRequest
) -> None:
    """PyJWT is asked for the signature only, with the key of today and with that of a fallback."""
    if method != "HS256":
        private, public = request.getfixturevalue("rsa_pair" if method == "RS256" else "ec_pair")
        settings.SIMPLE_JWT = {"ALGORITHM": method, "SIGNING_KEY": private, "VERIFYING_KEY": public}
    before, old = pair().access_token, settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW_KEY, [old]
    after = pair().access_token

    def read(*_args: object, **_options: object) -> None:
        raise AssertionError("PyJWT reads the token")

    monkeypatch.setattr(jwt, "decode", read)
    tokens.read_access(before)
    tokens.read_access(after)
    head, payload, signature = after.split(".")
    with pytest.raises(TokenInvalid):
        tokens.read_access(f"{head}.{payload}.{'A' * len(signature)}")


@pytest.mark.parametrize("options", [{"AUDIENCE": "app"}, {"ISSUER": "site"}, {"AUDIENCE": "app", "ISSUER": "site"}])
def test_token_with_names_is_read_by_pyjwt(settings: Settings, options: dict[str, str]) -> None:
    """Who issued it and for whom is PyJWT's to compare."""
    text = pair().access_token
    settings.SIMPLE_JWT = options
    assert backend.current()._by_header == {}
    tokens.read_access(pair().access_token)
    assert _refuses(text)


def test_token_with_names_may_be_signed_by_a_pair_of_keys(settings: Settings, rsa_pair: tuple[str, str]) -> None:
    """PyJWT is told the one algorithm, and the key that the header names."""
    keys_of_pair = {"ALGORITHM": "RS256", "SIGNING_KEY": rsa_pair[0], "VERIFYING_KEY": rsa_pair[1]}
    settings.SIMPLE_JWT = {**keys_of_pair, "AUDIENCE": "app"}
    text = pair().access_token
    tokens.read_access(text)
    settings.SIMPLE_JWT = {**keys_of_pair, "AUDIENCE": "another"}
    assert _refuses(text)


@pytest.mark.parametrize("method", ["HS256", "HS384", "HS512", "RS256"])
def test_we_sign_as_pyjwt_does(settings: Settings, rsa_pair: tuple[str, str], method: str) -> None:
    """To the letter, so that nobody can tell which of the two signed."""
    settings.SIMPLE_JWT = {"ALGORITHM": method}
    if method == "RS256":
        settings.SIMPLE_JWT |= {"SIGNING_KEY": rsa_pair[0], "VERIFYING_KEY": rsa_pair[1]}
    ours, payload = backend.current(), {**claims(), "name": "Zoë"}
    key: Any = rsa_pair[0] if method == "RS256" else ours.signing_key
    assert ours.encode(payload) == jwt.encode(payload, key, algorithm=method, headers={"kid": ours.kid})


@pytest.mark.parametrize("claim", ["sub", "jti"])
@pytest.mark.parametrize("value", [1, True, [], ["a"], {"a": 1}])
def test_names_are_texts(claim: str, value: object) -> None:
    """A user and a token are named by a text (RFC 7519 section 4.1)."""
    assert _refuses(sign(claims(**{claim: value})))


def test_key_pair_is_no_shared_secret(settings: Settings, rsa_pair: tuple[str, str]) -> None:
    """Whoever knows the public half could sign: PyJWT refuses it, nothing is signed and nothing read."""
    settings.SIMPLE_JWT = {"ALGORITHM": "HS256", "SIGNING_KEY": rsa_pair[1]}
    ours = backend.current()
    with pytest.raises(jwt.InvalidKeyError):
        ours.encode(claims())
    text = sign(claims(), header(kid=ours.kid), key=rsa_pair[1].encode())
    assert _outcome(ours, text) == "Token is invalid"


def test_kid_of_one_key_with_the_signature_of_another_is_refused(settings: Settings) -> None:
    """A name does not stand for any key of the ring, only for its own."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW_KEY, [settings.SECRET_KEY]
    new, old = keys.ring("jwt")
    assert _refuses(sign(claims(), header(kid=new.id), key=old.mac()))
    assert _refuses(sign(claims(), header(kid=old.id), key=new.mac()))
    assert not _refuses(sign(claims(), header(kid=old.id), key=old.mac()))


def test_changed_settings_change_the_backend_at_once(settings: Settings) -> None:
    """The backend is kept while the settings stay the same objects, and not a call longer."""
    first = backend.current()
    assert backend.current() is first
    with override_settings(SIMPLE_JWT={"SIGNING_KEY": OWN_KEY}):
        assert backend.current() is not first
        own = pair().access_token
        tokens.read_access(own)
    assert _refuses(own)
    with override_settings(SECRET_KEY=NEW_KEY):
        assert backend.current().kid != first.kid


def test_key_of_the_projects_own_lives_through_a_rotation_of_the_secret_key(settings: Settings) -> None:
    """``SIGNING_KEY`` has a life of its own: its tokens do not die with another key."""
    settings.SIMPLE_JWT = {"SIGNING_KEY": OWN_KEY}
    text = pair().access_token
    settings.SECRET_KEY = NEW_KEY
    tokens.read_access(text)
    settings.SIMPLE_JWT = {"SIGNING_KEY": f"{OWN_KEY}, changed"}
    with pytest.raises(TokenInvalid):
        tokens.read_access(text)


@pytest.mark.parametrize(
    ("options", "is_explicit"),
    [({"SIGNING_KEY": OWN_KEY}, True), ({"SIGNING_KEY": ""}, False), ({"SIGNING_KEY": None}, False), ({}, False)],
)
def test_key_of_the_projects_own_is_told_apart(settings: Settings, options: dict[str, Any], is_explicit: bool) -> None:
    """Only a key that is really set takes the place of the derived one."""
    settings.SIMPLE_JWT = options
    tokens.read_access(pair().access_token)
    assert (list(backend.current().keyring.values()) == [OWN_KEY]) is is_explicit


def test_project_without_simple_jwt_needs_none(settings: Settings) -> None:
    """Nothing has to be set for tokens to work."""
    settings.SIMPLE_JWT = None
    assert tokens.read_access(pair().access_token).token_type == "access"
    assert OWN_KEY not in backend.current().keyring.values()


def test_kid_does_not_tell_the_key(settings: Settings) -> None:
    """Everyone reads the header."""
    settings.SIMPLE_JWT = {"SIGNING_KEY": OWN_KEY}
    kid = read_part(pair().access_token, 0)["kid"]
    assert len(kid) == 8
    assert kid not in OWN_KEY


@pytest.mark.parametrize(("algorithm", "digest"), [("HS384", "sha384"), ("HS512", "sha512")])
def test_configured_algorithm_is_the_only_one(settings: Settings, algorithm: str, digest: str) -> None:
    """A longer hash takes its place and shares it with none."""
    key = OWN_KEY * 2
    settings.SIMPLE_JWT = {"ALGORITHM": algorithm, "SIGNING_KEY": key}
    kid = backend.current().kid
    assert not _refuses(sign(claims(), header(alg=algorithm, kid=kid), key=key.encode(), digest=digest))
    assert _refuses(sign(claims(), header(alg="HS256", kid=kid), key=key.encode()))


@pytest.mark.parametrize("size", [32, 48, 64])
def test_derived_keys_are_what_older_releases_signed_with(settings: Settings, size: int) -> None:
    """As long as the hash (RFC 7518 section 3.2): another way to derive them would log everybody out."""
    algorithm, key = f"HS{size * 8}", keys.current("jwt")
    settings.SIMPLE_JWT = {"ALGORITHM": algorithm}
    secret = (key.mac() + key.mac("more"))[:size]
    assert not _refuses(sign(claims(), header(alg=algorithm), key=secret, digest=f"sha{size * 8}"))
    assert not _refuses(pair().access_token)


def test_name_of_an_explicit_key_is_what_older_releases_wrote(settings: Settings) -> None:
    """Eight digits of an HMAC under the key itself."""
    settings.SIMPLE_JWT = {"SIGNING_KEY": OWN_KEY}
    secret = hashlib.sha256(f"securelogin.kid{OWN_KEY}".encode()).digest()
    assert backend.current().kid == hmac.new(secret, b"", hashlib.sha256).hexdigest()[:8]


def test_where_the_public_key_is_missing_nothing_is_read(settings: Settings, ec_pair: tuple[str, str]) -> None:
    """Half a pair, which a check reports, opens nothing."""
    settings.SIMPLE_JWT = {"ALGORITHM": "ES256", "SIGNING_KEY": ec_pair[0]}
    assert _refuses(pair().access_token)
    assert _refuses(sign(claims(), header(kid=backend.current().kid), key=b""))


def test_public_key_signs_nothing(settings: Settings, rsa_pair: tuple[str, str]) -> None:
    """The public key is public: taken for a shared secret it would sign for everyone (RFC 8725 section 2.1)."""
    private, public = rsa_pair
    settings.SIMPLE_JWT = {"ALGORITHM": "RS256", "SIGNING_KEY": private, "VERIFYING_KEY": public}
    kid = backend.current().kid
    tokens.read_access(pair().access_token)
    for key in (public, public.strip(), private):
        assert _refuses(sign(claims(), header(alg="HS256", kid=kid), key=key.encode()))
        assert _refuses(sign(claims(), header(alg="RS256", kid=kid), key=key.encode()))


def test_curves_work_too(settings: Settings, ec_pair: tuple[str, str]) -> None:
    """Where an asymmetric algorithm signs, the public key reads."""
    settings.SIMPLE_JWT = {"ALGORITHM": "ES256", "SIGNING_KEY": ec_pair[0], "VERIFYING_KEY": ec_pair[1]}
    text = pair().access_token
    tokens.read_access(text)
    assert read_part(text, 0) == {"alg": "ES256", "typ": "JWT", "kid": backend.current().kid}
    assert jwt.decode(text, ec_pair[1], algorithms=["ES256"])["sub"]


# Who it is from and whom it is for


@pytest.mark.parametrize("value", [LEFT_OUT, None, "", "other", ["other"], [], {"app": 1}, 1, True])
@pytest.mark.parametrize(("claim", "option"), [("aud", "AUDIENCE"), ("iss", "ISSUER")])
def test_configured_audience_and_issuer_are_asked_for(
    settings: Settings, claim: str, option: str, value: object
) -> None:
    """Tokens for others, or from others, are refused where a project names itself (RFC 8725 sections 3.8, 3.9)."""
    settings.SIMPLE_JWT = {option: "app"}
    assert _refuses(sign(claims(**{claim: value})))
    assert not _refuses(sign(claims(**{claim: "app"})))


def test_our_tokens_name_audience_and_issuer(settings: Settings) -> None:
    """Both tokens carry what the project configured, and are read back."""
    settings.SIMPLE_JWT = {"AUDIENCE": ["app", "admin"], "ISSUER": "https://example.com"}
    issued = pair()
    for text in (issued.access_token, issued.refresh_token):
        assert read_part(text, 1)["aud"] == ["app", "admin"]
        assert read_part(text, 1)["iss"] == "https://example.com"
    tokens.read_access(issued.access_token)
    tokens.read_refresh(issued.refresh_token)


def test_audience_is_nobodys_where_the_project_names_none(settings: Settings) -> None:
    """A project that stops to name itself reads the tokens of before."""
    settings.SIMPLE_JWT = {}
    assert not _refuses(sign(claims(aud="app", iss="https://example.com")))


def test_encoding_does_not_change_what_it_is_given(settings: Settings) -> None:
    """The same claims can be signed again for somebody else."""
    settings.SIMPLE_JWT = {"AUDIENCE": "app"}
    payload = claims()
    before = dict(payload)
    backend.current().encode(payload)
    assert payload == before


def test_unverified_reading_asks_for_the_claims_all_the_same() -> None:
    """``verify=False``, which simplejwt offers, skips the signature and nothing else; it is used nowhere of ours."""
    head, payload, _signature = sign(claims()).split(".")
    assert backend.current().decode(f"{head}.{payload}.", verify=False)
    for text in (f"{head}.e30.", "x.y.z", ""):
        with pytest.raises(TokenBackendError):
            backend.current().decode(text, verify=False)


def test_repr_tells_no_key() -> None:
    """A backend in an error report shows no key."""
    found = repr(backend.current())
    assert keys.current("jwt").mac().hex() not in found
    assert project.SECRET_KEY not in found
