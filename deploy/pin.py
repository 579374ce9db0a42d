"""Pins base images by digest and workflow actions by commit: `python deploy/pin.py`.

Run by the workflow `Pins`, as it needs the registry of the images and the hosts of the actions. A
tag stays beside its digest or commit, and a second run moves the pin to what the tag names then.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

ACTIONS = os.environ.get("PIN_ACTIONS", "https://github.com")
REGISTRY = os.environ.get("PIN_REGISTRY", "https://registry-1.docker.io")
TOKENS = os.environ.get("PIN_TOKENS", "https://auth.docker.io/token")

_IMAGE = re.compile(
    r"(?m)^((?:FROM|\s+image:) )([a-z]+):([\w.-]+)(?:@sha256:[0-9a-f]{64})?(?=\s|$)"
)
_ACTION = re.compile(r"(?m)(uses: )([\w-]+/[\w-]+)@(?:[0-9a-f]{40} # )?(\S+)$")
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


def digest(image: str, tag: str) -> str:
    """Return the digest of an official image for all platforms."""
    scope = urlencode(
        {"service": "registry.docker.io", "scope": f"repository:library/{image}:pull"}
    )
    with urllib.request.urlopen(f"{TOKENS}?{scope}", timeout=30) as answer:
        token = json.load(answer)["token"]
    request = urllib.request.Request(
        f"{REGISTRY}/v2/library/{image}/manifests/{tag}",
        headers={"Authorization": f"Bearer {token}", "Accept": ", ".join(_INDEXES)},
        method="HEAD",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found = str(answer.headers["Docker-Content-Digest"])
    if not re.fullmatch("sha256:[0-9a-f]{64}", found):
        sys.exit(f"{REGISTRY} gives no digest of {image}:{tag}")
    return found


def commit(action: str, tag: str) -> str:
    """Return the commit that a tag of an action names."""
    references = [f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}"]
    command = ["git", "ls-remote", f"{ACTIONS}/{action}", *references]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    # An annotated tag comes first, and the commit that it names after it.
    commits = [line.split("\t")[0] for line in lines if line]
    if not commits:
        sys.exit(f"{ACTIONS}/{action} has no tag {tag}")
    return commits[-1]


def main() -> None:
    """Rewrite the files of the repository that name images and actions."""
    root = Path(__file__).resolve().parent.parent
    workflows = sorted((root / ".github" / "workflows").glob("*.yml"))
    for file in (root / "Dockerfile", root / "deploy" / "compose.yaml", *workflows):
        text = file.read_text()
        pinned = _IMAGE.sub(
            lambda found: f"{found[1]}{found[2]}:{found[3]}@{digest(found[2], found[3])}", text
        )
        pinned = _ACTION.sub(
            lambda found: f"{found[1]}{found[2]}@{commit(found[2], found[3])} # {found[3]}", pinned
        )
        if pinned != text:
            file.write_text(pinned)
            print(f"pinned {file.relative_to(root)}")


if __name__ == "__main__":
    main()
