"""Errors of the agent: one class for each code of the protocol."""

from __future__ import annotations

from typing import Dict, Optional, Type


class RegentError(Exception):
    """An error with a code.

    code        the code of the protocol, for example "denied"
    detail      what is wrong and what to do next, for a person
    retry_after seconds after which another try may help; None if none is named
    instance    the instance that the error is about; "" if there is none
    """

    code: str = "internal"

    def __init__(
        self,
        detail: str,
        *,
        retry_after: Optional[int] = None,
        instance: str = "",
        code: Optional[str] = None,
    ) -> None:
        super().__init__(detail)
        if code is not None:
            self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.instance = instance


class NotReachable(RegentError):
    """No agent answers. Nothing is known about the token."""

    code = "not_reachable"


class UntrustedListener(NotReachable):
    """Another program listens at the socket. Nothing was sent to it."""

    code = "untrusted_listener"


class InvalidRequest(RegentError):
    code = "invalid_request"


class Denied(RegentError):
    """No allow rule admits this process."""

    code = "denied"


class UnknownApplication(RegentError):
    code = "unknown_application"


class UnknownInstance(RegentError):
    code = "unknown_instance"


class NoFreeInstance(RegentError):
    """Every instance is leased to a live process."""

    code = "no_free_instance"


class NotRegistered(RegentError):
    """The device has no auth token yet."""

    code = "not_registered"


class RegistrationExpired(RegentError):
    code = "registration_expired"


class RegistrationExhausted(RegentError):
    """The registration token has no count left."""

    code = "registration_exhausted"


class RegistrationRefused(RegentError):
    code = "registration_refused"


class RedemptionUncertain(RegentError):
    code = "redemption_uncertain"


class RedemptionUnconfirmed(RegentError):
    code = "redemption_unconfirmed"


class Revoked(RegentError):
    code = "revoked"


class RefreshLost(RegentError):
    code = "refresh_lost"


class RefreshExpired(RegentError):
    code = "refresh_expired"


class RefreshUncertain(RegentError):
    code = "refresh_uncertain"


class Throttled(RegentError):
    code = "throttled"


class Unavailable(RegentError):
    """The service cannot be reached, and the device has no valid token."""

    code = "unavailable"


class StoreLocked(RegentError):
    code = "store_locked"


class StoreUnreadable(RegentError):
    code = "store_unreadable"


class StoreMissing(RegentError):
    code = "store_missing"


class StoreRolledBack(RegentError):
    code = "store_rolled_back"


class Quarantined(RegentError):
    code = "quarantined"


class Internal(RegentError):
    code = "internal"


def _by_code(base: Type[RegentError]) -> Dict[str, Type[RegentError]]:
    found = {c.code: c for c in base.__subclasses__()}
    for c in list(found.values()):
        found.update(_by_code(c))
    return found


_CLASSES: Dict[str, Type[RegentError]] = _by_code(RegentError)


def error_for(
    code: str, detail: str, retry_after: Optional[int] = None, instance: str = ""
) -> RegentError:
    """Returns the error for a code. A code of a newer agent is a plain RegentError."""
    made = _CLASSES.get(code, RegentError)
    return made(detail, retry_after=retry_after, instance=instance, code=code)
