"""A demonstration: a simulated platform, a daemon that sends payments to it, and what to try. Ctrl-C ends both."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from tests.fakes.platform_book import PlatformBook
from tests.tools.platform_simulator import PlatformSimulator, by_name, serving

KEY = "ask_demo"
POLICIES = Path(__file__).parent / "demo"
_SUBMIT = (
    "curl -s {daemon}/api/v1/actions/submit -H 'Content-Type: application/json' -d "
    """'{{"agent_id":"demo","action_type":"{action}","resource":"invoice-7"}}'"""
)
_TRY = """\

simulated platform at {platform}; the daemon's key there is {key}

A payment that it scores, one that it denies, one that it holds:
  {payment}
  {deny}
  {hold}
Its people approve what it holds; the action's status here follows within two seconds:
  curl -s {platform}/operator/approvals/ar-3 -d '{{"status": "approved"}}'
  curl -s {daemon}/api/v1/actions/ACTION_ID/status
What is decided here needs no platform:
  {read}
How it fares: {python} -m sidecar status --state-dir {state}
"""


async def demonstrate(listen: str, ops: str, state: Path) -> int:
    """Until either ends, or somebody ends this; the daemon's exit code."""
    simulator = PlatformSimulator(PlatformBook(by_name, {KEY}))
    async with serving(simulator) as platform:
        daemon = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sidecar", "serve", "--policies", str(POLICIES)),
            *("--state-dir", str(state), "--run-dir", str(state / "run")),
            *("--listen", listen, "--ops-listen", ops),
            env=_environ(platform),
        )
        _on_signals(daemon)
        actions = {
            "payment": "payment.send",
            "deny": "deny.payment",
            "hold": "hold.payment",
            "read": "database.read",
        }
        tries = {
            name: _SUBMIT.format(daemon=f"http://{listen}", action=action) for name, action in actions.items()
        }
        facts = {"platform": platform, "daemon": f"http://{listen}", "key": KEY, "state": state}
        sys.stdout.write(_TRY.format(python=sys.executable, **facts, **tries))
        sys.stdout.flush()
        return await daemon.wait()


def _environ(platform: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASCEND")}
    return kept | {"ASCEND_SIDECAR_PLATFORM_URL": platform, "ASCEND_SIDECAR_PLATFORM_KEY": KEY}


def _on_signals(daemon: asyncio.subprocess.Process) -> None:
    """Whoever ends this ends the daemon, and with it everything."""

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            daemon.terminate()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, end)
    loop.add_signal_handler(signal.SIGINT, end)


def main() -> None:
    parser = argparse.ArgumentParser(description="The daemon with a simulated platform.")
    parser.add_argument("--listen", default="127.0.0.1:8181")
    parser.add_argument("--ops-listen", default="127.0.0.1:8182")
    parser.add_argument("--state-dir", type=Path, default=Path(".state-with-platform"))
    given = parser.parse_args()
    raise SystemExit(asyncio.run(demonstrate(given.listen, given.ops_listen, given.state_dir)))


if __name__ == "__main__":
    main()
