"""Compiled statements answer as the plain querysets do, keep nothing of a connection, and follow a changed model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, models
from django.test.utils import isolate_apps
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken

from securelogin import services
from securelogin.models import OneTimeCode, Session, compiled, counting, live, rows
from securelogin.models.compiled import Insert, Param, Select, Update
from securelogin.services import accounts, tables
from tests.factories import SessionFactory, UserFactory
from tests.services.statements import statements_of

if TYPE_CHECKING:
    from securelogin.tokens import AccessToken

SECOND = timedelta(seconds=1)


def ended(session: Session) -> None:
    """End it."""
    Session.objects.filter(pk=session.pk).update(ended_at=timezone.now(), end_reason="logout")


def blacklisted(session: Session) -> None:
    """End it as simplejwt does."""
    BlacklistedToken.objects.create(token=session.token)


def expired(session: Session) -> None:
    """Let its end have come."""
    Session.objects.filter(pk=session.pk).update(expires_at=timezone.now() - SECOND)


def inactive(session: Session) -> None:
    """Deactivate its user."""
    get_user_model().objects.filter(pk=session.user_id).update(is_active=False)


def rotated(session: Session) -> None:
    """Move it on."""
    Session.objects.filter(pk=session.pk).update(generation=1)


def untouched(_session: Session) -> None:
    """Leave it live."""


STATES: tuple[Callable[[Session], None], ...] = (ended, blacklisted, expired, inactive, rotated, untouched)


@pytest.fixture
def sessions(db: None) -> list[Session]:
    """One session in each state, and each two of them together."""
    made = []
    for first in STATES:
        for second in STATES:
            made.append(SessionFactory())
            for change in {first, second}:
                change(made[-1])
    return made


def test_user_is_the_one_of_the_plain_query(sessions: list[Session]) -> None:
    """Whose session it is, asked for each session with its own user and with another's."""
    at = timezone.now()
    found = [Session.objects.user_of(session.pk, session.user_id, at=at) for session in sessions]
    plain = [Session.objects.live(at).filter(pk=session.pk).first() for session in sessions]
    assert found == [session and session.user for session in plain]
    assert any(found)
    assert not all(found)
    assert vars(found[-1]).keys() == vars(get_user_model().objects.get(pk=found[-1].pk)).keys()
    other = UserFactory()
    assert [Session.objects.user_of(session.pk, other.pk, at=at) for session in sessions] == [None] * len(sessions)


@pytest.mark.parametrize("generation", [0, 1])
def test_rotation_is_the_one_of_the_plain_query(sessions: list[Session], generation: int) -> None:
    """Which sessions move on, and to what."""
    at = timezone.now()
    plain = set(Session.objects.live(at).filter(generation__lte=generation).values_list("pk", flat=True))
    moved = {
        session.pk
        for session in sessions
        if Session.objects.rotate(session.pk, session.user_id, generation=generation, at=at, retry_digest=None)
    }
    assert moved == plain
    assert 0 < len(moved) < len(sessions)
    assert set(Session.objects.filter(generation=generation + 1, rotated_at=at).values_list("pk", flat=True)) == moved


def test_unended_ids_are_those_of_the_plain_query(sessions: list[Session]) -> None:
    """Which sessions of a user nothing in their rows ends."""
    at = timezone.now()
    for session in sessions:
        found = live.UNENDED.tuples("default", user=session.user_id, expires_at=at)
        assert found == list(Session.objects.filter(user_id=session.user_id).unended(at).values_list("pk"))
    assert live.UNENDED.tuples("default", user=sessions[-1].user_id, expires_at=at) == [(sessions[-1].pk,)]
    assert live.UNENDED.tuples("default", user=sessions[0].user_id, expires_at=at) == []


@pytest.mark.parametrize("count", [1, 2, live.MOST_NAMED + 1])
def test_named_sessions_end(count: int, db: None) -> None:
    """As many as are named, in as few statements as there are batches; the ended stay as they are."""
    user, at = UserFactory(), timezone.now()
    mine = [SessionFactory(user=user) for _ in range(count)]
    over = SessionFactory(user=user)
    ended(over)
    ids = [session.pk for session in (*mine, over)]
    found: list[Any] = []
    statements = statements_of(lambda: found.extend(Session.objects.end_named(ids, user.pk, "logout_all", at=at)))
    assert found == sorted(session.pk for session in mine)
    assert set(Session.objects.filter(ended_at=at, end_reason="logout_all").values_list("pk", flat=True)) == set(found)
    assert BlacklistedToken.objects.filter(blacklisted_at=at).count() == count
    batches = -(-len(ids) // live.MOST_NAMED)
    assert len(statements) == 2 * batches + 1  # which of those in one batch have ended is asked
    assert len(statements_of(lambda: Session.objects.end_named(ids, user.pk, "logout", at=at))) == batches


def test_single_session_ends_if_it_is_the_users(db: None) -> None:
    """Another's stays as it is, and so does another of the user's."""
    session, other = SessionFactory(), UserFactory()
    kept = SessionFactory(user=session.user)
    assert Session.objects.end_named([session.pk], other.pk, "logout", at=timezone.now()) == []
    assert Session.objects.end_named([session.pk], session.user_id, "logout", at=timezone.now()) == [session.pk]
    assert Session.objects.get(ended_at=None) == kept


def test_sessions_that_others_ended_are_not_among_the_ended(db: None) -> None:
    """Neither for one reason, nor at one moment, nor those that were not named."""
    user, at = UserFactory(), timezone.now()
    live_one, earlier, otherwise, unnamed = (SessionFactory(user=user) for _ in range(4))
    for session, moment, reason in (
        (earlier, at - SECOND, "logout"),
        (otherwise, at, "reuse"),
        (unnamed, at, "logout"),
    ):
        Session.objects.filter(pk=session.pk).update(ended_at=moment, end_reason=reason)
    ids = [live_one.pk, earlier.pk, otherwise.pk]
    assert Session.objects.end_named(ids, user.pk, "logout", at=at) == [live_one.pk]
    assert BlacklistedToken.objects.get().token_id == live_one.token_id


def test_row_is_the_one_of_the_plain_query(db: None) -> None:
    """Every column comes as the manager reads it."""
    at = timezone.now()
    OneTimeCode.objects.touch("key", at=at, display_name="Ada", name_expires_at=at)
    found, plain = OneTimeCode.objects.row("key"), OneTimeCode.objects.get(key="key")
    assert found is not None
    assert {**vars(found), "_state": None} == {**vars(plain), "_state": None}
    assert (found._state.adding, found._state.db) == (plain._state.adding, plain._state.db)
    assert OneTimeCode.objects.row("another") is None


@pytest.mark.parametrize("options", [{"has_decoy": True}, {"has_decoy": False}, {}])
def test_nobody_is_found_as_late_as_somebody(
    options: dict[str, bool], db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a decoy an instance is made either way, and only what is in the table is answered (C3)."""
    has_decoy = options.get("has_decoy", False)
    made: list[Any] = []
    plain: Any = OneTimeCode.from_db

    def from_db(_model: Any, using: str, names: Any, values: Any) -> Any:
        assert list(names) == [field.attname for field in OneTimeCode._meta.concrete_fields]
        made.append(plain(using, names, values))
        return made[-1]

    def chosen() -> models.QuerySet[Any]:
        return OneTimeCode.objects.filter(key=Param("key", OneTimeCode._meta.get_field("key")))

    OneTimeCode.objects.touch("key", at=timezone.now())
    monkeypatch.setattr(OneTimeCode, "from_db", classmethod(from_db))
    statement = Select(chosen, **options)
    assert statement.first("default", key="key") is made[0]
    assert statement.first("default", key="nobody's") is None
    assert [row.key for row in made] == (["key", ""] if has_decoy else ["key"])
    assert {row._state.db for row in made} == {"default"}


def test_decoy_is_read_as_a_row_is(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every column goes through its converters, and has a value where a row in use has one."""
    converted: list[str] = []
    names = [field.name for field in OneTimeCode._meta.concrete_fields]

    def convert(name: str, value: Any, *_more: Any) -> Any:
        converted.append(name)
        return value

    for name in names:
        field = OneTimeCode._meta.get_field(name)
        monkeypatch.setattr(field, "from_db_value", partial(convert, name), raising=False)
    statement = Select(partial(OneTimeCode.objects.filter, key=Param("key", OneTimeCode._meta.pk)), has_decoy=True)
    assert statement.first("default", key="nobody's") is None  # the first call also makes the decoy
    converted.clear()
    assert statement.first("default", key="nobody's") is None
    assert converted == names


def test_decoy_has_the_form_that_its_converters_read(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver may give as text what is none, as MariaDB's does a UUID; what can be read in no form is None."""
    fields = {name: OneTimeCode._meta.get_field(name) for name in ("guesses", "code_length")}

    def read_text(value: Any, expression: Any, _connection: Any) -> str:
        return f"{expression.target.name} {value.strip()}"

    def read_nothing(_value: Any, *_more: Any) -> None:
        raise ValueError

    monkeypatch.setattr(fields["guesses"], "from_db_value", read_text, raising=False)
    monkeypatch.setattr(fields["code_length"], "from_db_value", read_nothing, raising=False)
    rows = Select(OneTimeCode.objects.all, has_decoy=True)._for("default")
    decoy = dict(zip(rows.names, rows.decoy, strict=True))
    assert (decoy["guesses"], decoy["code_length"]) == ("0", None)


def test_decoy_of_a_user_is_of_the_kinds_that_the_driver_gives(db: None) -> None:
    """As the row of who logged in once, in every column."""
    user = UserFactory(last_login=timezone.now(), username="Ada", email="ada@example.com")
    rows, model = accounts._OF_NUMBER._for("default"), type(user)
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in model._meta.concrete_fields)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {model._meta.db_table}")  # noqa: S608 - names of ours
        real = cursor.fetchone()
    optional = {"phone", "email"}
    for field, given, decoy in zip(model._meta.concrete_fields, real, rows.decoy, strict=True):
        kinds = {bool, int} if isinstance(field, models.BooleanField) else {type(given)}
        assert type(decoy) in kinds or field.name in optional, field.name


@isolate_apps("securelogin")
def test_decoy_of_json_is_what_the_driver_takes() -> None:
    """Adapted for the connection, or no converter would read it."""

    class Taste(models.Model):
        likes = models.JSONField(default=partial(dict, tea=True))

        class Meta:
            app_label = "securelogin"

    _id, likes = rows.decoy_of(Taste(), [], connection)
    assert str(likes) != str({"tea": True})


def test_model_that_takes_no_decoy_finds_nobody(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a model of the project's says of a row that is not there is its own affair (C3)."""

    def from_db(_model: Any, *_row: Any) -> Any:
        raise OneTimeCode.DoesNotExist("nothing belongs to that row")

    monkeypatch.setattr(OneTimeCode, "from_db", classmethod(from_db))
    statement = Select(partial(OneTimeCode.objects.filter, key=Param("key", OneTimeCode._meta.pk)), has_decoy=True)
    assert statement.first("default", key="nobody's") is None
    OneTimeCode.objects.touch("key", at=timezone.now())
    with pytest.raises(OneTimeCode.DoesNotExist):
        statement.first("default", key="key")


def test_model_that_refuses_to_be_empty_has_no_decoy(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is found all the same, and a default that its field does not take spoils the decoy of that column only."""

    def refuse(*_arguments: Any) -> Any:
        raise ValueError("no value")

    field: Any = OneTimeCode._meta.get_field("provider")
    key = Param("key", OneTimeCode._meta.pk)
    monkeypatch.setattr(field, "get_db_prep_save", refuse)
    statement = Select(partial(OneTimeCode.objects.filter, key=key), has_decoy=True)
    assert statement.first("default", key="nobody's") is None
    assert statement._for("default").decoy is not None
    monkeypatch.setattr(OneTimeCode, "__init__", refuse)
    statement = Select(partial(OneTimeCode.objects.filter, key=key), has_decoy=True)
    assert statement.first("default", key="nobody's") is None
    assert statement._for("default").decoy is None


def test_expression_in_a_new_instance_is_no_value_of_the_decoy() -> None:
    """The database's own default, and a column that it computes, are nothing before there is a row."""
    generated: Any = models.CharField()
    generated.attname, generated.generated = "generated", True
    defaulted: Any = models.CharField()
    defaulted.attname = "defaulted"
    instance: Any = SimpleNamespace(defaulted=models.Value("x"))
    assert list(rows._forms(generated, instance, connection)) == [None]
    assert list(rows._forms(defaulted, instance, connection)) == [None]


def test_no_manager_of_the_project_is_asked_who_is_there(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its conditions, of a clock or a tenant, would stay as they were at the first call (E044 says so)."""
    session, model = SessionFactory(), get_user_model()
    token = SimpleNamespace(session_id=session.pk, user_id=str(session.user_id))
    monkeypatch.setitem(vars(model._meta), "base_manager", _Hidden.over(model))
    compiled.forget()
    try:
        assert not model._base_manager.exists()
        assert services.authenticate(cast("AccessToken", token)) == session.user
        assert list(tables.users()) == [session.user]
        assert list(Session.objects.live()) == [session]
        assert tables.lock_user(session.user_id)
    finally:
        compiled.forget()


class _Hidden(models.Manager[Any]):
    """A manager that hides everybody."""

    @classmethod
    def over(cls, model: Any) -> _Hidden:
        """Return one of that model's rows."""
        manager = cls()
        manager.model = model
        return manager

    def get_queryset(self) -> models.QuerySet[Any]:
        """Return nobody."""
        return super().get_queryset().none()


def test_parameters_are_shifted_before_the_database_sees_them(db: None) -> None:
    """What is added to a parameter or taken from it is part of its value."""
    at = datetime(2031, 5, 6, 7, 8, 9, 1234, tzinfo=timezone.get_default_timezone())
    field = OneTimeCode._meta.get_field("touched_at")
    for param, expected in ((Param("at", field) - SECOND, at - SECOND), (Param("at", field) + SECOND, at + SECOND)):
        assert param.adapt({"at": at}, connection) == field.get_db_prep_value(expected, connection)


def test_statement_is_compiled_once_and_for_each_size(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call runs what the first one compiled."""
    made: list[int] = []

    def chosen(size: int) -> models.QuerySet[Any]:
        made.append(size)
        return OneTimeCode.objects.filter(key=Param("key", OneTimeCode._meta.get_field("key")))

    statement = Update(chosen, lambda: {"display_name": "x"})
    assert [statement.run("default", size, key="a") for size in (1, 2, 1, 2)] == [0, 0, 0, 0]
    assert made == [1, 2]
    compiled.forget()
    statement.run("default", key="a")
    assert made == [1, 2, 1]


def test_single_instance_is_written_unless_more_are_named(db: None) -> None:
    """What is inserted is asked for once."""
    made: list[int] = []

    def rows(size: int) -> list[OneTimeCode]:
        made.append(size)
        return [OneTimeCode(**{name: Param(name, OneTimeCode._meta.get_field(name)) for name in ("key", "touched_at")})]

    Insert(rows).run("default", key="a", touched_at=timezone.now())
    assert made == [1]
    assert OneTimeCode.objects.get().key == "a"


@pytest.mark.parametrize(
    ("setting", "is_forgotten"),
    [("AUTH_USER_MODEL", True), ("DATABASES", True), ("USE_TZ", True), ("DEBUG", False)],
)
def test_statement_follows_the_settings_it_is_made_of(setting: str, is_forgotten: bool, db: None) -> None:
    """Where users are of another model, or moments are written otherwise, it is compiled anew."""
    made: list[int] = []

    def chosen(size: int) -> models.QuerySet[Any]:
        made.append(size)
        return OneTimeCode.objects.filter(key=Param("key", OneTimeCode._meta.get_field("key")))

    statement = Update(chosen, lambda: {"display_name": "x"})
    statement.run("default", key="a")
    compiled._on_setting(setting=setting, value=None, enter=True)
    statement.run("default", key="a")
    assert len(made) == 1 + is_forgotten


def test_field_reads_its_values_as_in_a_plain_query(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field of a host's user may have a converter of its own, which is told the column and the connection."""
    field = OneTimeCode._meta.get_field("key")

    def from_db_value(value: Any, expression: Any, wrapper: Any) -> str:
        return f"{value} of {expression.target.name}, {wrapper.alias}"

    OneTimeCode.objects.touch("key", at=timezone.now())
    monkeypatch.setattr(field, "from_db_value", from_db_value, raising=False)
    found = Select(lambda: OneTimeCode.objects.filter(touched_at__lte=timezone.now())).first("default")
    assert found.key == OneTimeCode.objects.get().key == "key of key, default"


def test_converter_of_a_connection_becomes_that_of_the_call() -> None:
    """The operations of each connection convert its own values."""

    class Operations:
        def convert(self, *arguments: object) -> tuple[object, ...]:
            return self, *arguments

    class Connection:
        def __init__(self) -> None:
            self.ops = Operations()

    first, second = Connection(), Connection()
    convert = rows._free(first.ops.convert, first)
    assert convert("value", "expression", second) == (second.ops, "value", "expression", second)


@pytest.mark.django_db(transaction=True)
def test_threads_share_statements_and_no_connection() -> None:
    """What one thread compiled another runs over its own connection."""
    session, found = SessionFactory(), []

    def ask() -> None:
        found.append(Session.objects.user_of(session.pk, session.user_id, at=timezone.now()))
        found.append(connection.connection is not None)
        connection.close()

    ask()
    thread = Thread(target=ask)
    thread.start()
    thread.join()
    assert found == [session.user, True, session.user, True]


def test_statement_keeps_nothing_of_a_connection(db: None) -> None:
    """Neither the wrapper nor its operations stand in what is kept."""
    Session.objects.user_of(SessionFactory().pk, None, at=timezone.now())
    OneTimeCode.objects.row("key")
    for statement in (live.USER, counting.ROW):
        assert isinstance(statement, Select)
        rows = statement._for("default")
        kept = [converter for _index, _expression, converters in rows.converters for converter in converters]
        assert kept or connection.vendor == "postgresql"  # which needs none
        owners = [getattr(converter, "__self__", None) for converter in kept]
        assert not any(owner in (connection, connection.ops) for owner in owners if owner is not None)
