"""Every error selfheal raises, as one tree.

    SelfhealError
    ├── InvalidInput            a door refuses what it was given; nothing was stored
    │   ├── InvalidRequest      a ChangeRequest field is wrong
    │   ├── InvalidSettings     a setting is unknown, missing or out of range
    │   ├── InvalidRepository   the path or URL is no usable git repository
    │   ├── InvalidEdit         a draft cannot be read as an edit
    │   ├── UnsupportedLanguage no grammar or query is known for a file
    │   └── UnknownId           no row has this id
    ├── Refused                 a rule says no, and will say no again
    │   ├── PatchRefused        the patch gate names the rule
    │   ├── StateRefused        the state machine has no such transition
    │   ├── BudgetSpent         the ChangeRequest may spend no more
    │   ├── TokenRefused        the service does not know who asks
    │   ├── RoleRefused         whoever asks may not do this
    │   └── Fenced              the attempt's token is no longer the newest
    ├── EnvironmentUnusable     this machine or target cannot do the work as it stands
    │   ├── SandboxUnavailable  no provider works here
    │   ├── ServerUnavailable   an embedded server did not start
    │   ├── SchemaMismatch      the database is older or newer than this code
    │   ├── RunFolderBusy       another farm owns the run folder
    │   ├── TestsUnusable       the target's tests cannot be run
    │   └── MissingExtra        an optional dependency is not installed
    ├── Transient               the same call may succeed later
    │   ├── LeaseConflict       another plan holds a symbol
    │   ├── BrokerUnavailable   nothing could be sent
    │   ├── StoreUnavailable    the database does not answer
    │   ├── ServiceUnavailable  the farm's HTTP service does not answer
    │   ├── EngineUnavailable   the vector engine does not answer in time
    │   ├── ModelUnavailable    no provider of the chain answered in time
    │   │   └── ModelLeftAlone  none was asked: each has failed too often
    │   ├── CircuitOpen         who kept failing is not asked for a while
    │   ├── TooBusy             the backlog is too long to accept more
    │   ├── RateLimited         whoever asks has asked too often
    │   └── TimedOut            a limit on time was reached
    ├── InvalidAnswer           a model answered, but not with what it was asked for
    ├── PlanningError           the planning agent came to no plan
    ├── GitFailed               git answered with an error
    └── Stopped                 not a failure: the work was told to end
        ├── Cancelled           somebody cancelled the ChangeRequest
        └── AttemptLost         another attempt has taken the work over

Each class says whether a retry may help (`retryable`) and after how long (`retry_after`, seconds).
Each is rebuilt from its positional arguments, which are plain JSON values: that survives both
pickle and Celery's JSON round trip. A foreign error is kept as the cause (`raise ... from`).
"""

from __future__ import annotations

from typing import ClassVar


class SelfhealError(Exception):
    """Base of the tree. `str(error)` says what was expected, what was found, what to do next."""

    retryable: ClassVar[bool] = False
    retry_after: float = 0.0


class InvalidInput(SelfhealError):
    """A door refuses what it was given; nothing was stored."""


class InvalidRequest(InvalidInput):
    """A ChangeRequest field is wrong; arguments: field, what would be accepted."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(field, expected)
        self.field, self.expected = field, expected

    def __str__(self) -> str:
        return f"{self.field}: {self.expected}"


class InvalidSettings(InvalidInput):
    """A setting is unknown, missing or out of range."""


class InvalidRepository(InvalidInput):
    """The path or URL is no git repository that can be worked on."""


class InvalidEdit(InvalidInput):
    """A draft cannot be read as an edit of the tree; the message shows the nearest lines."""


class UnsupportedLanguage(InvalidInput):
    """Nothing can be read from files of a language; arguments: the language, why."""

    def __init__(self, language: str, why: str) -> None:
        super().__init__(language, why)
        self.language, self.why = language, why

    def __str__(self) -> str:
        return f"no facts are read from {self.language or 'such'} files: {self.why}"


class UnknownId(InvalidInput):
    """No row has this id."""


class Refused(SelfhealError):
    """A rule says no, and will say no again to the same input."""


class PatchRefused(Refused):
    """The patch gate refuses; arguments: the rule's name, the path, why."""

    def __init__(self, rule: str, path: str, why: str) -> None:
        super().__init__(rule, path, why)
        self.rule, self.path, self.why = rule, path, why

    def __str__(self) -> str:
        return f"patch refused by rule {self.rule}: {self.path}: {self.why}"


class StateRefused(Refused):
    """The state machine has no such transition."""


class BudgetSpent(Refused):
    """The ChangeRequest may spend no more; arguments: of what (usd, tokens, seconds), its cap."""

    def __init__(self, what: str, cap: float) -> None:
        super().__init__(what, cap)
        self.what, self.cap = what, cap

    def __str__(self) -> str:
        return f"the request's budget of {self.cap} {self.what} is spent: submit again with more"


class TokenRefused(Refused):
    """The service serves nobody without a token that it knows, and found none."""


class RoleRefused(Refused):
    """The token's role may not do this; the message names the role that may."""


class Fenced(Refused):
    """The attempt's fencing token is no longer the newest: its effects are not accepted."""


class EnvironmentUnusable(SelfhealError):
    """This machine, or the target's environment, cannot do the work as it stands."""


class SandboxUnavailable(EnvironmentUnusable):
    """No sandbox provider works here; the message names the fix."""


class ServerUnavailable(EnvironmentUnusable):
    """An embedded server did not start or went away; the message ends with its log's last lines."""


class SchemaMismatch(EnvironmentUnusable):
    """The database schema is older or newer than this code expects."""


class RunFolderBusy(EnvironmentUnusable):
    """Another farm owns the run folder."""


class TestsUnusable(EnvironmentUnusable):
    """The target repository's tests cannot be run: none found, command missing, hanging."""

    __test__ = False  # the name starts like a test class; pytest must not collect it


class MissingExtra(EnvironmentUnusable):
    """An optional dependency is not installed; argument: the extra that brings it."""

    def __init__(self, extra: str) -> None:
        super().__init__(extra)
        self.extra = extra

    def __str__(self) -> str:
        return f'this needs the extra "{self.extra}": pip install "selfheal[{self.extra}]"'


class Transient(SelfhealError):
    """The same call may succeed later."""

    retryable = True
    retry_after = 5.0


class LeaseConflict(Transient):
    """Another plan holds a symbol; arguments: symbol, holding plan, since, expiry (ISO 8601)."""

    def __init__(self, symbol: str, plan_id: str, since: str, expires: str) -> None:
        super().__init__(symbol, plan_id, since, expires)
        self.symbol, self.plan_id, self.since, self.expires = symbol, plan_id, since, expires

    def __str__(self) -> str:
        return (
            f"{self.symbol} is held by plan {self.plan_id} since {self.since}, "
            f"until {self.expires} unless renewed"
        )


class BrokerUnavailable(Transient):
    """Nothing could be sent to the broker; what had to be sent stays in the outbox."""


class StoreUnavailable(Transient):
    """The database does not answer."""


class ServiceUnavailable(Transient):
    """The farm's HTTP service does not answer, or not as one; the message says what it did."""

    retry_after = 1.0


class EngineUnavailable(Transient):
    """The vector engine does not answer in time; the message says what it did."""

    retry_after = 1.0


class ModelUnavailable(Transient):
    """No provider of the chain answered in time; the message says what each of them did."""

    retry_after = 30.0


class ModelLeftAlone(ModelUnavailable):
    """No provider was asked, each has failed too often; arguments: who, seconds until one is."""

    def __init__(self, who: str, seconds: float) -> None:
        super().__init__(who, seconds)
        self.who, self.retry_after = who, seconds

    def __str__(self) -> str:
        return f"{self.who} failed too often: asked again in {self.retry_after} s"


class CircuitOpen(Transient):
    """Who kept failing is not asked for a while; arguments: who, seconds until it is tried."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(name, seconds)
        self.name, self.retry_after = name, seconds

    def __str__(self) -> str:
        return f"{self.name} has failed too often: it is asked again in {self.retry_after} s"


class TooBusy(Transient):
    """The backlog is too long to accept more; nothing was stored."""

    retry_after = 30.0


class RateLimited(Transient):
    """Whoever asks has asked too often; nothing was done."""

    retry_after = 1.0


class TimedOut(Transient):
    """A limit on time was reached; the message says which."""


class InvalidAnswer(SelfhealError):
    """A model's answer cannot be used; arguments: the kind of fault, what is wrong with it.

    Kinds: refusal, cut, empty, no_json, schema, rule (read, but against a rule of whoever asked),
    unusable (several of them, one after the other), too_long (there is none: the question is longer
    than any model of the chain takes).
    """

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(kind, why)
        self.kind, self.why = kind, why

    def __str__(self) -> str:
        return f"the model's answer cannot be used ({self.kind}): {self.why}"


class PlanningError(SelfhealError):
    """The planning agent came to no plan; arguments: its backend, what each try came to."""

    def __init__(self, backend: str, tried: str) -> None:
        super().__init__(backend, tried)
        self.backend, self.tried = backend, tried

    def __str__(self) -> str:
        return f"{self.backend} gave no plan that can be used ({self.tried})"


class GitFailed(SelfhealError):
    """git answered with an error; arguments: the command line, its message."""

    def __init__(self, command: str, message: str) -> None:
        super().__init__(command, message)
        self.command, self.message = command, message

    def __str__(self) -> str:
        return f"{self.command}: {self.message}"


class Stopped(SelfhealError):
    """Not a failure: the work was told to end."""


class Cancelled(Stopped):
    """Somebody cancelled the ChangeRequest."""


class AttemptLost(Stopped):
    """Another attempt has taken the work over; this one ends without effect."""
