"""Whatever fits the OpenAPI document that the daemon serves, and whatever does not: never a 5xx, never a hang."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from tests.tools.daemon import evaluation

LIMITED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@pytest.fixture(scope="module")
def operations(daemon):
    loaded = schemathesis.openapi.from_dict(daemon.get("/openapi.json").body)
    loaded.config.update(base_url=daemon.listen["decision"])
    return [found.ok() for found in loaded.get_all_operations()]


# I-JSON and the bounds on size, depth and names say more than a schema can.
NOT_ASKED = {
    GenerationMode.POSITIVE: [schemathesis.checks.positive_data_acceptance],
    GenerationMode.NEGATIVE: [],
}


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_operation_keeps_to_its_document(operations, mode):
    for operation in operations:
        if "text/event-stream" in operation.definition.raw["responses"]["200"]["content"]:
            continue  # it would never end
        if mode is GenerationMode.NEGATIVE and "requestBody" not in operation.definition.raw:
            continue  # without a body nothing can be wrong but the path

        @LIMITED
        @given(case=operation.as_strategy(generation_mode=mode))
        def keeps_to_it(case):
            case.call_and_validate(timeout=10, excluded_checks=NOT_ASKED[mode])

        keeps_to_it()


def test_the_daemon_is_unharmed_and_its_document_is_openapi_3_1(daemon):
    document = daemon.get("/openapi.json").body
    assert document["openapi"] == "3.1.0"
    assert len(document["paths"]) >= 52
    read = evaluation("agent:a1", "database.read", "resource:orders")
    assert daemon.post("/access/v1/evaluation", read).body["decision"] is True
