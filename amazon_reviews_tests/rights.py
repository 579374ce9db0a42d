"""Commands that must obey file permissions."""

import os
import shutil

_SETPRIV = shutil.which("setpriv")
_DROPPED = [_SETPRIV, "--bounding-set", "-dac_override,-dac_read_search"] if _SETPRIV else []
WITHOUT_RIGHTS = ["env"] if os.geteuid() else _DROPPED
"""Prefix of a command that must obey file permissions, even when root runs the tests."""
