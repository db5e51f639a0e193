"""What a backend is: one class that hands a text, or the care for a code, to a provider."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent import futures
from threading import Thread
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, TypeVar

from ..exceptions import SMSNotSent

DEFAULT_TIMEOUT = 5.0
"""Seconds for a whole call to a provider, because a visitor waits for it."""

MAX_TIMEOUT = 60

T = TypeVar("T")


class OptionProblem(NamedTuple):
    """What is wrong with ``OPTIONS``, and what to do. Neither holds a value of theirs."""

    message: str
    hint: str


class BaseSMSBackend(ABC):
    """Send texts. One instance serves all threads of a process, so it keeps nothing of a message.

    ``alias`` is its key in ``SECURELOGIN["SMS"]``; the keywords are the ``OPTIONS`` found there.
    """

    owns_code: ClassVar[bool] = False
    """Whether the provider makes the code and compares it; then it is a ``BaseCodeBackend``."""

    is_demo: ClassVar[bool] = False
    """Whether codes reach no phone; ``check --deploy`` warns."""

    option_names: ClassVar[frozenset[str]] = frozenset()
    """The keys that ``OPTIONS`` may have."""

    def __init__(self, alias: str = "default", **options: Any) -> None:
        self.alias = alias
        self.options: Mapping[str, Any] = MappingProxyType(options)
        self.problems = self.check_options(options)

    @abstractmethod
    def send(self, *, to: str, body: str) -> None:
        """Hand a text to the provider; ``to`` is E.164.

        Raises ``SMSNotSent``, and nothing else, where the provider does not surely have it. Never tries twice: the
        first try may have arrived.
        """

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> list[OptionProblem]:
        """Name what is wrong with ``OPTIONS``, for a system check: no network, no SDK."""
        known = ", ".join(sorted(cls.option_names)) or "none"
        return [
            OptionProblem(f"OPTIONS has no key {name!r}.", f"Known are: {known}.")
            for name in sorted(set(options) - cls.option_names)
        ]

    def require_options(self) -> None:
        """Raise ``SMSNotSent`` where ``OPTIONS`` cannot work: a server may run without ever having been checked."""
        for problem in self.problems:
            raise SMSNotSent(problem.message, is_definite=True)


class BaseCodeBackend(BaseSMSBackend):
    """Leave the code to a provider: it makes, sends and compares it."""

    owns_code = True

    def send(self, *, to: str, body: str) -> None:
        """Refuse: such a provider sends its own texts only."""
        raise SMSNotSent("this backend sends no text but its codes", is_definite=True)

    @abstractmethod
    def start(self, *, to: str) -> str:
        """Have a code sent; ``to`` is E.164.

        Returns the provider's id, at most 64 characters. Raises ``SMSNotSent``, and nothing else.
        """

    @abstractmethod
    def check(self, *, to: str, provider_id: str, code: str) -> bool:
        """Ask whether the code is the one that ``start`` had sent to this number.

        True only where the provider approves and names the same id and number. All else is False, a failure to
        ask as well, with its reason in the log. Raises nothing.
        """


def wait_at_most(seconds: float, call: Callable[[], T]) -> T:
    """Run a call in a thread of its own and wait for it so many seconds; raises what it raises, or ``SMSNotSent``.

    The time-outs of HTTP libraries bound one read. Looking up a name, trying every address of a host, TLS and an
    answer that drips in add up to minutes. A call that is late is not stopped: it ends unheard, by those time-outs.
    """
    answer: futures.Future[T] = futures.Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # it belongs to the thread that waits
            answer.set_exception(error)

    Thread(target=run, name="securelogin-sms", daemon=True).start()
    if not futures.wait([answer], timeout=seconds).done:
        raise SMSNotSent(f"no answer within {seconds:g} s")
    return answer.result()


def check_timeout(options: Mapping[str, Any]) -> list[OptionProblem]:
    """Name what is wrong with the option ``timeout``, for backends that have one."""
    timeout = options.get("timeout", DEFAULT_TIMEOUT)
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool) and 0 < timeout <= MAX_TIMEOUT:
        return []
    return [OptionProblem("OPTIONS['timeout'] is no time-out.", f"It takes seconds, above 0 and up to {MAX_TIMEOUT}.")]
