"""Uses the client that openapi-python-client makes of openapi.json, against a real regentd.

usage: client.py OPENAPI.JSON, with the generated package regent_api on the path

It also holds every answer against the document, and fails for a property, a value, a status
or a header that the document does not have.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from regent_api import Client
from regent_api.api.applications import get_token, invalidate_token, release_instance, watch_instances
from regent_api.api.device import get_contract, get_metrics, get_policy, register, reload_configuration
from regent_api.api.instances import explain_access, get_ledger, redeem_instance
from regent_api.api.status import get_diagnosis, get_status
from regent_api.api.store import get_store, run_store_operation
from regent_api.models import ErrorCode, Event, Health, InstanceState, InvalidateRequest, Problem, RegistrationRequest, Status, StoreRequest, StoreVerb, Token, TokenRequest


class Document:
    """Holds answers against openapi.json."""

    def __init__(self, file: str) -> None:
        self.document = json.loads(Path(file).read_text())
        for schema in self.document["components"]["schemas"].values():
            if "properties" in schema:
                schema["additionalProperties"] = False  # each one must be described
        self.registry = Registry().with_resource("openapi.json", DRAFT202012.create_resource(self.document))
        self.operations = {o["operationId"]: o for path in self.document["paths"].values() for o in path.values()}
        self.seen: set[str] = set()

    def response(self, operation: str, status: int) -> dict[str, Any]:
        found: dict[str, Any] = self.operations[operation]["responses"][str(status)]
        if "$ref" in found:
            found = self.document["components"]["responses"][found["$ref"].rsplit("/", 1)[1]]
        return found

    def check(self, operation: str, answer: Any) -> Any:
        """Checks an answer of sync_detailed, and returns what the client made of it."""
        described = self.response(operation, answer.status_code)
        for header in ("retry-after", "cache-control"):
            assert header not in answer.headers or header in map(str.lower, described.get("headers", {})), (operation, header)
        if "content" in described:
            schema = described["content"][answer.headers["content-type"]]["schema"]
            if "$ref" in schema:
                body = json.loads(answer.content)
                Draft202012Validator({"$ref": "openapi.json" + schema["$ref"]}, registry=self.registry).validate(body)
                assert answer.parsed.to_dict() == body or same_times(answer.parsed.to_dict(), body), (operation, body)
        else:
            assert not answer.content, (operation, answer.content)
        self.seen.add(operation)
        return answer.parsed


def same_times(a: Any, b: Any) -> bool:
    """Compares JSON, with Z and +00:00 as the same, and without digits of seconds."""
    return normal(a) == normal(b)


def normal(v: Any) -> Any:
    if isinstance(v, dict):
        return {k: normal(part) for k, part in v.items()}
    if isinstance(v, list):
        return [normal(part) for part in v]
    if isinstance(v, str) and v[10:11] == "T" and v[4:5] == "-":
        return v[:19]
    return v


def main() -> None:
    document = Document(sys.argv[1])
    check = document.check
    transport = httpx.HTTPTransport(uds=os.environ["REGENT_SOCKET"])
    client = Client(base_url="http://regent", httpx_args={"transport": transport}, timeout=httpx.Timeout(60))

    token = check("getToken", get_token.sync_detailed(client=client, body=TokenRequest(application="cad", wait=10)))
    assert isinstance(token, Token) and token.expires_in > 0, token
    application, number = token.instance.split("/")

    status = check("getStatus", get_status.sync_detailed(client=client))
    assert isinstance(status, Status) and status.health is Health.DEGRADED, status  # closed has no allow rule
    mine = [i for a in status.applications for i in a.instances if i.instance == token.instance]
    assert mine[0].state is InstanceState.LIVE and mine[0].holder.pid == os.getpid(), mine

    for name, code in (("nope", ErrorCode.UNKNOWN_APPLICATION), ("closed", ErrorCode.DENIED), ("X", ErrorCode.INVALID_REQUEST)):
        problem = check("getToken", get_token.sync_detailed(client=client, body=TokenRequest(application=name)))
        assert isinstance(problem, Problem) and problem.code is code, problem

    watch = watch_instances._get_kwargs(application="cad")
    with client.get_httpx_client().stream(**watch) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: instance"
        event = Event.from_dict(json.loads(next(lines).removeprefix("data: ")))
    assert event.state is InstanceState.LIVE, event

    throttled = [check("invalidateToken", invalidate_token.sync_detailed(application, number, client=client, body=InvalidateRequest(generation=token.generation))) for _ in range(2)]
    assert throttled[1] is None or throttled[1].code is ErrorCode.THROTTLED and throttled[1].retry_after, throttled

    # For administrators.
    check("getDiagnosis", get_diagnosis.sync_detailed(client=client))
    assert check("explainAccess", explain_access.sync_detailed(client=client, pid=os.getpid(), application="cad")).allow
    assert check("getLedger", get_ledger.sync_detailed(client=client, verify=True)).verified
    check("getPolicy", get_policy.sync_detailed(client=client))
    check("getContract", get_contract.sync_detailed(client=client))
    check("getStore", get_store.sync_detailed(client=client))
    check("runStoreOperation", run_store_operation.sync_detailed(StoreVerb.DRILL, client=client, body=StoreRequest(really=True)))
    check("runStoreOperation", run_store_operation.sync_detailed(StoreVerb.ADOPT, client=client, body=StoreRequest()))
    check("getMetrics", get_metrics.sync_detailed(client=client))
    check("reloadConfiguration", reload_configuration.sync_detailed(client=client))
    assert check("redeemInstance", redeem_instance.sync_detailed(application, number, client=client)).code is ErrorCode.INVALID_REQUEST
    check("register", register.sync_detailed(client=client, body=RegistrationRequest(registration_token="no token")))
    check("releaseInstance", release_instance.sync_detailed(application, number, client=client))
    print(f"python: {token.instance}, an event of a watch, {len(document.seen)} calls, each answer as described")


main()
