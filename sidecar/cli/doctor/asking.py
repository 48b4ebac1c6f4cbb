"""The exact curl line that asks the daemon of this config, by the way that tells it who asks."""

import shlex
from typing import Final

from sidecar.cli.doctor.finding import Patient

_REQUEST: Final = (
    '{"subject":{"type":"agent","id":"demo"},"action":{"name":"database.read"},'
    '"resource":{"type":"resource","id":"customer_profiles"}}'
)
_PATH: Final = "/access/v1/evaluation"
_JSON: Final = "Content-Type: application/json"


def curl_lines(patient: Patient) -> tuple[str, ...]:
    """Over the Unix socket, and over TCP."""
    config, listening = patient.config, patient.listening
    socket = listening.decision_socket or str(config.decision_socket)
    scheme = "https" if config.tls.cert else "http"
    address = listening.decision or f"{scheme}://{config.listen.dialled}"
    body = ["-H", _JSON, "-d", _REQUEST]
    ca_file = ["--cacert", str(config.tls.cert)] if config.tls.cert else []
    # The shell of whoever runs it has the token; it is not ours to show.
    bearer = ' -H "Authorization: Bearer $TOKEN"' if config.tokens_file else ""
    return (
        shlex.join(["curl", "-sS", "--unix-socket", socket, f"http://localhost{_PATH}", *body]),
        shlex.join(["curl", "-sS", *ca_file, f"{address}{_PATH}", *body]) + bearer,
    )
