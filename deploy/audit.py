"""Searches the locked packages for known vulnerabilities: `audit.py LOCK…`, called by `make audit`.

Exit code 1 means a vulnerability, or a package that alone could not be looked up. Where the service
of vulnerabilities gives no data for any package, the search is skipped, with the reason on stderr.
"""

import json
import subprocess
import sys
from pathlib import Path


def main(locks: list[str]) -> int:
    """Print each known vulnerability, and return the exit code."""
    command = [
        str(Path(sys.executable).with_name("pip-audit")),
        "--require-hashes",
        "--disable-pip",
    ]
    options = [option for lock in locks for option in ("--requirement", lock)]
    search = subprocess.run(
        [*command, "--progress-spinner", "off", "--format", "json", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages = json.loads(search.stdout)["dependencies"]
    except ValueError:
        reason = (search.stderr.strip().splitlines() or ["no output"])[-1]
        print(f"skipped the search for vulnerabilities: {reason}", file=sys.stderr)
        return 0
    unknown = [package["skip_reason"] for package in packages if "skip_reason" in package]
    if packages and len(unknown) == len(packages):
        print(f"skipped the search for vulnerabilities: {unknown[0]}", file=sys.stderr)
        return 0
    found = [
        f"{package['name']} {package['version']}: {fault['id']}, fixed in "
        f"{', '.join(fault['fix_versions']) or 'no version yet'}"
        for package in packages
        for fault in package.get("vulns", ())
    ]
    print("\n".join([*unknown, *found, f"{len(packages)} packages, {len(found)} vulnerabilities"]))
    return 1 if unknown or found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
