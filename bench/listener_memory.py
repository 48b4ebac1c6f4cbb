"""What each way to ask SQS costs in resident memory, over a daemon that has loaded everything but that.

`python -m bench.listener_memory` prints megabytes, the median of five processes each. See docs/adr/0013.
"""

import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

_BASE: Final = "import sidecar.daemon.run, gc"
_CHAIN: Final = (
    "import botocore.session; botocore.session.Session().get_credentials().get_frozen_credentials()"
)
_TLS: Final = "import ssl; tls = ssl.create_default_context()"
_WAYS: Final = {
    "httptools, SigV4Auth, chain, TLS": f"import sidecar.adapters.killswitch_sqs\n{_CHAIN}\n{_TLS}",
    "aiohttp, SigV4Auth, chain, TLS": f"import aiohttp, botocore.auth, botocore.awsrequest\n{_CHAIN}\n{_TLS}",
    "boto3 client, TLS": f"import boto3; boto3.client('sqs', region_name='us-east-1')\n{_TLS}",
}
_RUNS: Final = 5
_ENVIRON: Final = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_CONFIG_FILE": "/dev/null"}
_TOLD: Final = """
gc.collect()
print(next(line.split()[1] for line in open('/proc/self/smaps_rollup') if line.startswith('Rss')))
"""


def resident(code: str) -> float:
    """MiB of a process that has run this, the median of five."""
    command = [sys.executable, "-c", f"{_BASE}\n{code}\n{_TOLD}"]
    root = Path(__file__).parents[1]
    told = [subprocess.check_output(command, env=_ENVIRON, cwd=root) for _ in range(_RUNS)]
    return statistics.median(int(one) / 1024 for one in told)


def main() -> None:
    base = resident("")
    print(f"{base:6.1f}  the daemon's own imports")
    for name, code in _WAYS.items():
        print(f"{resident(code) - base:+6.1f}  {name}")


if __name__ == "__main__":
    main()
