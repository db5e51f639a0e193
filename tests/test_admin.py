"""The admin, in whatever host the settings name: with our user, and with one that has no display name and no e-mail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken

from securelogin import codes, signals
from securelogin.admin import PhoneUserAdmin, SessionAdmin
from securelogin.admin.sessions import CHOOSERS, State, state_of
from securelogin.models import Counter, OneTimeCode, Session
from securelogin.phones import E164
from securelogin.services import accounts
from tests.factories import SessionFactory, UserFactory, tokens_of

User = get_user_model()
HAS_NAMES = any(field.name == "username" for field in User._meta.get_fields())
PHONE = E164("+12025550143")
STAFF_PHONE = "+12025550199"
SPELLINGS = [
    "+12025550143",
    "+1 (202) 555-0143",
    " +1 202.555.0143 ",
    "tel:+1-202-555-0143",
    "+1\u00a0202\u00a05550143",
]
needs_names = pytest.mark.skipif(not HAS_NAMES, reason="the host's user has no names")
pytestmark = pytest.mark.django_db

if not admin.site.is_registered(User):
    admin.site.register(User, PhoneUserAdmin)


@pytest.fixture
def staff(client: Client) -> Client:
    """A client of a superuser."""
    boss: Any = User.objects.create_superuser(STAFF_PHONE)
    client.force_login(boss)
    return client


def page(model: type[Any], name: str, *args: object) -> str:
    """Return the path of one of a model's pages."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def read(client: Client, path: str, **query: str) -> str:
    """Get a page, which must be there."""
    response = client.get(path, query)
    assert response.status_code == 200, response
    return str(response.content.decode())


def count_rows(html: str) -> int:
    """Count the rows of a list."""
    return html.count('name="_selected_action"')


def act(client: Client, model: type[Any], action: str, *rows: Any) -> str:
    """Run an action on some rows; returns the page that follows."""
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return str(client.post(page(model, "changelist"), data, follow=True).content.decode())


def fields_of(user: Any, **changes: Any) -> dict[str, Any]:
    """Return what the change form of a user posts."""
    fields = {"phone": user.phone or "", "is_active": "on" if user.is_active else ""}
    if HAS_NAMES:
        fields |= {"username": user.username, "email": user.email or ""}
    return {name: value for name, value in {**fields, **changes}.items() if value}


def spellings_of(key: Any) -> set[str]:
    """Return the texts that are a key of a user: a UUID, or an integer in a host of its own."""
    return {str(key), getattr(key, "hex", str(key))}


def reason_of(session: Session) -> str:
    """Return why a session ended, empty where it has not."""
    session.refresh_from_db()
    return session.end_reason


def limited_staff(client: Client, *codenames: str) -> Client:
    """Log in a member of staff who has these permissions only."""
    clerk: Any = UserFactory.create(is_staff=True)
    for codename in codenames:
        model = Session if codename.endswith("_session") else User
        kind = ContentType.objects.get_for_model(model)
        clerk.user_permissions.add(Permission.objects.get(content_type=kind, codename=codename))
    client.force_login(clerk)
    return client


# What is there


def test_users_and_sessions_are_registered_and_nothing_else_of_ours() -> None:
    """Rows of codes and counters have no page."""
    assert isinstance(admin.site.get_model_admin(User), PhoneUserAdmin)
    assert isinstance(admin.site.get_model_admin(Session), SessionAdmin)
    assert not admin.site.is_registered(OneTimeCode)
    assert not admin.site.is_registered(Counter)


def test_admin_passes_its_own_checks() -> None:
    """Also for a model that took the optional fields away."""
    assert PhoneUserAdmin(User, admin.site).check() == []
    assert SessionAdmin(Session, admin.site).check() == []


@pytest.mark.skipif(not HAS_NAMES, reason="this is the other host")
def test_admin_of_a_host_with_its_own_user(empty_database: str) -> None:
    """All of this holds for a user model with no display name and no e-mail address."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", __file__],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))},
            "DJANGO_SETTINGS_MODULE": "tests.hosts.own_user.settings",
            "DATABASE_URL": empty_database,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


# Users


def test_user_list_shows_no_whole_number(staff: Client) -> None:
    """Neither the rows, nor what is written about them for screen readers."""
    UserFactory.create(phone=PHONE)
    html = read(staff, page(User, "changelist"))
    assert "+1*****43" in html
    assert "5550143" not in html
    assert STAFF_PHONE not in html


def test_user_list_takes_as_many_queries_for_fifty_rows_as_for_one(
    staff: Client, django_assert_num_queries: Callable[[int], Any]
) -> None:
    """Django's session, the staff's user, two counts, the rows, their live sessions, the groups of the filter."""
    user = UserFactory.create()
    read(staff, page(User, "changelist"))
    with django_assert_num_queries(7):
        read(staff, page(User, "changelist"))
    SessionFactory.create_batch(2, user=user)
    SessionFactory.create(user=user, ended_at=timezone.now())
    UserFactory.create_batch(50)
    with django_assert_num_queries(7):
        html = read(staff, page(User, "changelist"))
    assert count_rows(html) == 52
    assert f'?q={user.pk}">2</a>' in html


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_user_is_found_by_number_in_any_spelling(staff: Client, spelling: str) -> None:
    """One number is one user, however it was copied."""
    user = UserFactory.create(phone=PHONE)
    UserFactory.create(phone="+12025550144")
    html = read(staff, page(User, "changelist"), q=spelling)
    assert count_rows(html) == 1
    assert str(user.pk) in html


def test_national_number_is_found_in_the_default_region(staff: Client, settings: Any) -> None:
    """As the API reads it."""
    UserFactory.create(phone=PHONE)
    assert count_rows(read(staff, page(User, "changelist"), q="(202) 555-0143")) == 0
    settings.SECURELOGIN = {**settings.SECURELOGIN, "DEFAULT_REGION": "US"}
    assert count_rows(read(staff, page(User, "changelist"), q="(202) 555-0143")) == 1


@pytest.mark.parametrize("term", ["5550143", "+1202555", "+1202555014", "%2B", "_"])
def test_user_is_not_found_by_a_part_of_the_number(staff: Client, term: str) -> None:
    """Nobody walks through the numbers digit by digit."""
    UserFactory.create(phone=PHONE)
    assert count_rows(read(staff, page(User, "changelist"), q=term)) == 0


def test_user_is_found_by_id(staff: Client) -> None:
    """With dashes and without, where it has any."""
    user = UserFactory.create()
    for term in spellings_of(user.pk):
        assert count_rows(read(staff, page(User, "changelist"), q=term)) == 1


@pytest.mark.parametrize("term", ["9" * 30, "-1", "1.5", "f" * 32, "1" * 32])
@pytest.mark.parametrize("model", [User, Session])
def test_what_is_no_id_finds_nobody(staff: Client, model: type[Any], term: str) -> None:
    """Whatever the keys are: a number that is too long for one is no error of the database."""
    SessionFactory.create()
    assert count_rows(read(staff, page(model, "changelist"), q=term)) == 0


@needs_names
def test_user_is_found_by_a_part_of_name_or_address(staff: Client) -> None:
    """In whatever case."""
    UserFactory.create(username="Ada Lovelace", email="ada@example.org")
    UserFactory.create(username="Grace Hopper")
    for term in ("lovelace", "ADA@"):
        assert count_rows(read(staff, page(User, "changelist"), q=term)) == 1


def test_user_pages_name_the_number_once(staff: Client) -> None:
    """The form of one user shows its number; title, breadcrumbs and history do not."""
    user = UserFactory.create(phone=PHONE)
    assert read(staff, page(User, "change", user.pk)).count("5550143") == 1
    assert "5550143" not in read(staff, page(User, "history", user.pk))
    assert "5550143" not in read(staff, page(User, "delete", user.pk))
    password_page = read(staff, reverse("admin:auth_user_password_change", args=[user.pk]))
    title = password_page.partition("<title>")[2].partition("</title>")[0]
    assert "+1*****43" in title
    assert "5550143" not in title


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_added_user_has_a_canonical_number_and_an_unusable_password(staff: Client, spelling: str) -> None:
    """A password left blank is none, never the empty one."""
    html = staff.post(page(User, "add"), {"phone": spelling}, follow=True).content.decode()
    user = User.objects.get(phone=PHONE)
    assert user.password.startswith("!")
    assert not user.check_password("")
    assert "was added successfully" in html
    assert LogEntry.objects.get().object_repr == "+1*****43"


def test_added_user_may_have_a_password(staff: Client) -> None:
    """For members of the staff."""
    data = {"phone": PHONE, "password1": "a long way to Tipperary", "password2": "a long way to Tipperary"}
    assert staff.post(page(User, "add"), data).status_code == 302
    assert User.objects.get(phone=PHONE).check_password("a long way to Tipperary")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"phone": "12"}, "Enter a valid phone number."),
        ({"phone": ""}, "Enter a phone number or an e-mail address."),
        ({"phone": "+1 202 555 0199"}, "User with this Phone number already exists."),
        ({"phone": PHONE, "password1": "a long way to Tipperary"}, "The two password fields didn"),
        ({"phone": PHONE, "password2": "a long way to Tipperary"}, "The two password fields didn"),
        ({"phone": PHONE, "password1": "12345678", "password2": "12345678"}, "This password is too common."),
    ],
)
def test_user_is_not_added(staff: Client, data: dict[str, str], error: str) -> None:
    """What is wrong is said beside the field."""
    assert error in staff.post(page(User, "add"), data).content.decode()
    assert User.objects.count() == 1


@needs_names
def test_user_is_added_by_address_alone(staff: Client) -> None:
    """For an account that has no number."""
    staff.post(page(User, "add"), {"email": "Ada@Example.org"})
    assert User.objects.get(phone=None).email == "ada@example.org"


def test_changed_number_ends_the_sessions(
    staff: Client, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    """Whoever holds them may be the number's old owner; the end is announced after the commit."""
    session = SessionFactory.create(user__phone=PHONE)
    heard: list[Any] = []

    def hear(**message: Any) -> None:
        heard.append((message["session_id"], message["reason"]))

    signals.session_ended.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            data = fields_of(session.user, phone="+1 202 555 0144")
            html = staff.post(page(User, "change", session.user.pk), data, follow=True).content.decode()
    finally:
        signals.session_ended.disconnect(hear)
    assert User.objects.get(pk=session.user.pk).phone == "+12025550144"
    assert reason_of(session) == "phone"
    assert heard == [(session.pk, "phone")]
    assert "1 session was ended." in html


def test_same_number_in_another_spelling_ends_nothing(staff: Client) -> None:
    """What counts is the number."""
    session = SessionFactory.create(user__phone=PHONE)
    staff.post(page(User, "change", session.user.pk), fields_of(session.user, phone="+1 (202) 555-0143"))
    assert reason_of(session) == ""


def test_number_is_compared_under_a_lock(staff: Client) -> None:
    """Or of two changes at once, the later one could bring the old number back and end nothing."""
    user = UserFactory.create(phone=PHONE)
    with CaptureQueriesContext(connection) as captured:
        staff.post(page(User, "change", user.pk), fields_of(user))
    table = connection.ops.quote_name(User._meta.db_table)
    ours = [query["sql"] for query in captured if f"UPDATE {table}" in query["sql"] or f"FROM {table}" in query["sql"]]
    assert [sql.split()[0] for sql in ours][:3] == ["SELECT", "UPDATE", "SELECT"]  # the first is of the staff


def test_deactivation_ends_the_sessions_for_good(staff: Client) -> None:
    """They do not come back with the user."""
    session = SessionFactory.create()
    path = page(User, "change", session.user.pk)
    staff.post(path, fields_of(session.user, is_active=""))
    assert reason_of(session) == "revoked"
    staff.post(path, fields_of(session.user, is_active="on"))
    assert User.objects.get(pk=session.user.pk).is_active
    assert not Session.objects.live().filter(pk=session.pk).exists()


def test_activation_brings_no_session_back(staff: Client) -> None:
    """Also where the project's own code shut the user out, with one UPDATE that ended nothing."""
    session = SessionFactory.create()
    User.objects.filter(pk=session.user.pk).update(is_active=False)
    staff.post(page(User, "change", session.user.pk), fields_of(session.user, is_active="on"))
    assert User.objects.get(pk=session.user.pk).is_active
    assert reason_of(session) == "revoked"


def test_other_changes_end_nothing(staff: Client) -> None:
    """Such as a place in the staff."""
    session = SessionFactory.create()
    staff.post(page(User, "change", session.user.pk), fields_of(session.user, is_staff="on"))
    assert User.objects.get(pk=session.user.pk).is_staff
    assert reason_of(session) == ""


def test_changed_password_ends_the_sessions(staff: Client) -> None:
    """So does one that is taken away."""
    password = "a long way to Tipperary"
    user = UserFactory.create()
    path = reverse("admin:auth_user_password_change", args=[user.pk])
    first = SessionFactory.create(user=user)
    staff.post(path, {"password1": password, "password2": password})
    assert User.objects.get(pk=user.pk).check_password(password)
    assert reason_of(first) == "password"
    second = SessionFactory.create(user=user)
    staff.post(path, {"usable_password": "false", "unset-password": "1"})
    assert not User.objects.get(pk=user.pk).has_usable_password()
    assert reason_of(second) == "password"


def test_sessions_of_selected_users_end(staff: Client) -> None:
    """All of theirs and nobody else's; the log and the message name no number."""
    user = UserFactory.create(phone=PHONE)
    sessions = SessionFactory.create_batch(2, user=user)
    other = SessionFactory.create()
    html = act(staff, User, "end_sessions", user)
    assert [reason_of(session) for session in sessions] == ["revoked", "revoked"]
    assert reason_of(other) == ""
    assert "2 sessions were ended." in html
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.object_repr) == (str(user.pk), "+1*****43")
    assert "Ended all sessions." in read(staff, page(User, "history", user.pk))


def test_codes_and_passwords_are_allowed_again(staff: Client) -> None:
    """Where failures in a row reached the end, of either kind or of both; others are left alone."""
    both, plain = UserFactory.create(phone=PHONE), UserFactory.create()
    closed = UserFactory.create(phone=None)
    now = timezone.now()
    keys = [
        codes.row_key(PHONE, codes.ANYONE),
        codes.password_row_key(PHONE),
        codes.password_row_key(accounts.user_identifier(closed)),
    ]
    for key in keys:
        OneTimeCode.objects.touch(key, at=now, disabled_at=now, failures_in_a_row=100)
    html = act(staff, User, "allow_guesses", both, plain, closed)
    rows = OneTimeCode.objects.filter(key__in=keys)
    assert set(rows.values_list("disabled_at", "failures_in_a_row")) == {(None, 0)}
    assert "Codes and passwords are allowed again for 2 users." in html
    assert set(LogEntry.objects.values_list("object_id", flat=True)) == {str(both.pk), str(closed.pk)}


def test_actions_need_the_permission_to_change_users(client: Client) -> None:
    """Who may only look is not offered them, and refused when they are asked for all the same."""
    session = SessionFactory.create()
    clerk = limited_staff(client, f"view_{User._meta.model_name}")
    assert 'value="end_sessions"' not in read(clerk, page(User, "changelist"))
    act(clerk, User, "end_sessions", session.user)
    assert reason_of(session) == ""


def test_user_is_deleted_with_the_sessions(
    client: Client, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    """The permission to delete users is enough, one by one and by the action; the ends are announced."""
    names = [f"{verb}_{User._meta.model_name}" for verb in ("view", "delete")]
    clerk = limited_staff(client, *names, "view_session")
    first, second = SessionFactory.create(), SessionFactory.create()
    reasons: list[str] = []

    def hear(**message: Any) -> None:
        reasons.append(message["reason"])

    signals.session_ended.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            clerk.post(page(User, "delete", first.user.pk), {"post": "yes"})
            data = {"action": "delete_selected", "_selected_action": str(second.user.pk), "post": "yes"}
            clerk.post(page(User, "changelist"), data)
    finally:
        signals.session_ended.disconnect(hear)
    assert User.objects.count() == 1
    assert reasons == ["closed", "closed"]


def test_history_masks_the_staff(staff: Client) -> None:
    """Django's page names who did it by the whole number."""
    session = SessionFactory.create()
    act(staff, User, "end_sessions", session.user)
    html = read(staff, page(User, "history", session.user.pk))
    assert "+1*****99" in html
    assert STAFF_PHONE not in html


def test_history_of_an_unknown_user(staff: Client) -> None:
    """It is a redirect with a message."""
    assert staff.get(page(User, "history", "0")).status_code == 302


# Sessions


def in_state(state: State) -> Session:
    """Make a session in a state."""
    now = timezone.now()
    if state is State.EXPIRED:
        return SessionFactory.create(created_at=now - timedelta(days=400))
    session = SessionFactory.create(user__is_active=state is not State.INACTIVE)
    if state is State.ENDED:
        Session.objects.filter(pk=session.pk).end("logout", at=now)
    return session


@pytest.mark.parametrize("state", list(State))
def test_state_and_filter_agree(staff: Client, state: State) -> None:
    """What the column says is what the filter finds, and only live sessions are live."""
    sessions = {each: in_state(each) for each in State}
    now = timezone.now()
    chosen = list(CHOOSERS[state](Session.objects.all(), now))
    assert chosen == [sessions[state]]
    assert state_of(chosen[0], now) is state
    assert Session.objects.live(now).filter(pk=chosen[0].pk).exists() is (state is State.LIVE)
    html = read(staff, page(Session, "changelist"), state=state.value)
    assert count_rows(html) == 1
    assert f'field-state">{state.label}<' in html
    assert count_rows(read(staff, page(Session, "changelist"), state="x")) == len(State)


def test_session_blacklisted_in_simplejwt_has_ended(staff: Client) -> None:
    """In its own admin or by ``blacklist()``: no reason of ours, but ended."""
    session = SessionFactory.create()
    BlacklistedToken.objects.create(token=session.token)
    session = Session.objects.get(pk=session.pk)
    assert state_of(session, timezone.now()) is State.ENDED
    assert list(CHOOSERS[State.ENDED](Session.objects.all(), timezone.now())) == [session]


def test_session_list_takes_as_many_queries_for_fifty_rows_as_for_one(
    staff: Client, django_assert_num_queries: Callable[[int], Any]
) -> None:
    """Django's session, the staff's user, two counts and the rows."""
    SessionFactory.create()
    read(staff, page(Session, "changelist"))
    with django_assert_num_queries(5):
        read(staff, page(Session, "changelist"))
    SessionFactory.create_batch(49)
    with django_assert_num_queries(5):
        assert count_rows(read(staff, page(Session, "changelist"))) == 50


def test_session_pages_show_no_secret_and_no_whole_number(staff: Client) -> None:
    """Nothing that a refresh is compared with, and not which outstanding token backs the session."""
    session = SessionFactory.create(user__phone=PHONE, ip_address="192.0.2.7", device="Pixel", retry_digest="d" * 64)
    for html in (read(staff, page(Session, "changelist")), read(staff, page(Session, "change", session.pk))):
        assert "+1*****43" in html
        assert "192.0.2.7" in html
        assert "Pixel" in html
        assert "5550143" not in html
        assert "ddddd" not in html
        assert "outstandingtoken" not in html.partition('id="content"')[2]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_sessions_are_found_by_number_in_any_spelling(staff: Client, spelling: str) -> None:
    """Those of one user."""
    SessionFactory.create_batch(2, user=UserFactory.create(phone=PHONE))
    SessionFactory.create()
    assert count_rows(read(staff, page(Session, "changelist"), q=spelling)) == 2


def test_sessions_are_found_by_id(staff: Client) -> None:
    """The user's finds all of that user, the session's finds one, another text finds none."""
    user = UserFactory.create()
    session, _other = SessionFactory.create_batch(2, user=user)
    SessionFactory.create()
    found = {
        str(user.pk): 2,
        str(session.pk): 1,
        session.pk.hex: 1,
        "x": 0,
        "1.5": 0,
        "5550143": 0,
        "9" * 30: 0,
        " ": 3,
    }
    for term, number in found.items():
        assert count_rows(read(staff, page(Session, "changelist"), q=term)) == number, term


@pytest.mark.parametrize("lookup", ["retry_digest__startswith", "token__jti", "user__phone__startswith"])
def test_sessions_are_not_filtered_by_what_is_not_shown(staff: Client, lookup: str) -> None:
    """A list that answers yes and no tells a secret in the end."""
    assert staff.get(page(Session, "changelist"), {lookup: "1"}).status_code == 400


@pytest.mark.parametrize(
    "lookup", ["phone__startswith", "phone__contains", "phone__in", "phone__gt", "phone__regex", "password__regex"]
)
def test_users_are_not_filtered_by_a_part_of_the_number(staff: Client, lookup: str) -> None:
    """Nobody walks through the numbers digit by digit, in the page's address neither."""
    UserFactory.create(phone=PHONE)
    assert staff.get(page(User, "changelist"), {lookup: "+120255501"}).status_code == 400


@pytest.mark.parametrize("lookup", ["phone", "phone__exact"])
def test_users_are_filtered_by_a_whole_number(staff: Client, lookup: str) -> None:
    """As the search finds them; what is none is no error of the server."""
    UserFactory.create(phone=PHONE)
    assert count_rows(read(staff, page(User, "changelist"), **{lookup: PHONE})) == 1
    assert staff.get(page(User, "changelist"), {lookup: "("}).status_code == 302
    assert count_rows(read(staff, page(User, "changelist"), phone__isnull="0")) == 2


@pytest.mark.parametrize("lookup", ["id__regex", "last_login__iregex"])
def test_lists_are_not_filtered_by_regular_expressions(staff: Client, lookup: str) -> None:
    """A wrong one is an error of the database, a bad one keeps it busy."""
    assert staff.get(page(User, "changelist"), {lookup: "("}).status_code == 400
    assert staff.get(page(Session, "changelist"), {lookup.replace("last_login", "device"): "("}).status_code == 400


def test_sessions_are_read_only(staff: Client) -> None:
    """Not even a superuser adds, changes or deletes one."""
    session = SessionFactory.create()
    change, delete = page(Session, "change", session.pk), page(Session, "delete", session.pk)
    assert staff.get(page(Session, "add")).status_code == 403
    assert staff.post(change, {"device": "x"}).status_code == 403
    assert staff.post(delete, {"post": "yes"}).status_code == 403
    act(staff, Session, "delete_selected", session)
    assert Session.objects.filter(pk=session.pk, ended_at=None).exists()
    assert "deletelink" not in read(staff, change)


def test_revoked_session_is_over_at_once(staff: Client, client: Client) -> None:
    """Its access token is refused by the next call; others stay, and the log knows."""
    session = SessionFactory.create()
    other = SessionFactory.create(user=session.user)
    bearer = {"Authorization": f"Bearer {tokens_of(session).access_token}"}
    assert Client().post("/api/auth/op", headers=bearer).status_code == 200
    html = act(staff, Session, "revoke", session)
    assert Client().post("/api/auth/op", headers=bearer).status_code == 401
    assert (reason_of(session), reason_of(other)) == ("revoked", "")
    assert "1 session was ended." in html
    assert LogEntry.objects.get().object_repr == str(session.pk)
    assert STAFF_PHONE not in read(staff, page(Session, "history", session.pk))


def test_revoking_counts_what_it_ended(staff: Client) -> None:
    """Sessions that are over already keep their reason."""
    sessions = [in_state(state) for state in State]
    html = act(staff, Session, "revoke", *sessions)
    assert [reason_of(session) for session in sessions] == ["revoked", "logout", "", "revoked"]
    assert "2 sessions were ended." in html
    assert LogEntry.objects.count() == 2


def test_revoking_needs_the_permission_to_change_sessions(client: Client) -> None:
    """Who may only look is refused."""
    session = SessionFactory.create()
    clerk = limited_staff(client, "view_session")
    assert 'value="revoke"' not in read(clerk, page(Session, "changelist"))
    act(clerk, Session, "revoke", session)
    assert reason_of(session) == ""
    clerk = limited_staff(client, "view_session", "change_session")
    act(clerk, Session, "revoke", session)
    assert reason_of(session) == "revoked"
