"""What Schemathesis has to know beside the document, and what it does not look at by itself."""

import itertools
import os

import schemathesis
from schemathesis.generation.meta import REQUEST_SHAPE_PROBES, TestPhase

# Of lists: whose they are. They are for administrators; a pair that gives them is refused, as their description says.
FOR_ADMINISTRATORS = {"partner", "operator"}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    if os.environ["OPENAPI_CALLER"] == "administrator":
        return
    for item in raw_schema["paths"].values():
        for operation in item.values():
            parameters = operation.get("parameters", [])
            operation["parameters"] = [one for one in parameters if one["name"] not in FOR_ADMINISTRATORS]


calls = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    # What is a pair's alone an administrator does in its place, all else for everybody.
    if os.environ["OPENAPI_CALLER"] == "administrator" and "Subscriptions" in (case.operation.tags or []):
        case.headers["X-Api-Client-Id"] = "app-1"
        case.headers["X-Operator"] = "acme"
    # The same key is made up again and again. A creation with one that was used is a 409, and says nothing about the rest of it.
    key = case.headers.get("Idempotency-Key")
    if key and len(key) < 200 and case.meta.generation.mode.is_positive:
        case.headers["Idempotency-Key"] = f"{key}-{next(calls)}"


def name_of(case):
    return case.operation.definition.raw["operationId"]


@schemathesis.check
class every_call_succeeds:
    """Each call is answered well at least once: else nothing was tried of it but that it refuses. (Not where calls only follow
    each other: which do is chance.)"""

    def __init__(self, but=()):
        self.but = set(but)
        self.only_stateful = True
        self.tried = set()
        self.succeeded = set()

    def after_response(self, ctx, response, case):
        self.only_stateful &= case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL
        self.tried.add(name_of(case))
        if 200 <= response.status_code < 300:
            self.succeeded.add(name_of(case))

    def after_run(self, ctx):
        if self.only_stateful:
            return
        never = self.tried - self.succeeded - self.but
        if never:
            raise AssertionError("never answered with 2xx: " + ", ".join(sorted(never)))
        if self.but - self.tried:
            raise AssertionError("excepted, and not tried: " + ", ".join(sorted(self.but - self.tried)))


@schemathesis.check
class refused_only_for_what_no_schema_says:
    """Valid data is a 400 only for fields and parameters that the configuration has a reason for."""

    def __init__(self, of=None):
        self.of = of or {}

    def after_response(self, ctx, response, case):
        if response.status_code != 400 or is_probe(case) or not case.meta.generation.mode.is_positive:
            return
        reasons = self.of.get(name_of(case), [])
        named = [error.get("pointer", error.get("parameter")) for error in response.json().get("errors", [])]
        if not named or any(not is_within(name, reasons) for name in named):
            raise AssertionError(f"valid data is refused for {named or 'nothing that is named'}: {response.text}")


def is_probe(case):
    """Another method or content type than the document has: there is no valid data for it."""
    return case.meta is None or getattr(case.meta.phase.data, "scenario", None) in REQUEST_SHAPE_PROBES


def is_within(name, reasons):
    return any(name == reason or (reason and name.startswith(reason + "/")) for reason in reasons)
