"""Print what an image is made of, as CycloneDX 1.5: Python distributions in a folder, Debian packages in another.

Arguments: the two folders, and the time that it bears, in epoch seconds. The same contents give the same
bytes. Needs nothing but an interpreter and dpkg-deb, since it runs where images are built.
"""

import hashlib
import json
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

_NAME = "ascend-sidecar"


def of_distribution(found: Distribution) -> dict[str, Any]:
    """RECORD of a wheel has the digest of every file, so its own digest stands for all of them."""
    name = found.metadata["Name"].lower().replace("_", "-").replace(".", "-")
    purl = f"pkg:pypi/{name}@{found.version}"
    record = hashlib.sha256((found.read_text("RECORD") or "").encode()).hexdigest()
    licence = found.metadata["License-Expression"] or found.metadata["License"] or ""
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": found.version,
        "purl": purl,
        **({"licenses": [{"license": {"name": licence.splitlines()[0][:200]}}]} if licence else {}),
        "properties": [{"name": "ascend-sidecar:record-sha256", "value": record}],
    }


def of_package(deb: Path) -> dict[str, Any]:
    """The package file itself has been downloaded, so its digest is that of apt's index."""
    shown = subprocess.run(  # noqa: S603 - a file that the build itself has downloaded
        ["/usr/bin/dpkg-deb", "--show", "--showformat=${Package}\t${Version}\t${Architecture}", str(deb)],
        capture_output=True,
        text=True,
        check=True,
    )
    name, version, architecture = shown.stdout.split("\t")
    purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?arch={architecture}"
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


def bill(packages: Path, debs: Path, epoch: int) -> dict[str, Any]:
    """The whole document; `epoch` is the time that it bears."""
    found = [of_distribution(one) for one in distributions(path=[str(packages)])]
    parts = sorted([*found, *map(of_package, debs.glob("*.deb"))], key=lambda part: part["bom-ref"])
    (own,) = (part for part in parts if part["name"] == _NAME)
    others = [part for part in parts if part is not own]
    told = json.dumps(parts, sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, told).urn,
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat(),
            "component": {**own, "type": "application"},
        },
        "components": others,
        "dependencies": [{"ref": own["bom-ref"], "dependsOn": [part["bom-ref"] for part in others]}],
    }


if __name__ == "__main__":
    made = bill(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    json.dump(made, sys.stdout, indent=1, sort_keys=True)
