"""`dagster dev` without two warnings on which the user of `amazon-reviews ui` cannot act."""

import logging
import runpy
import sys
import warnings

NOT_USED = "Found a dagster instance configuration value"
"""The start of the first: DAGSTER_HOME has the project's dagster.yaml too."""

_SUPERSEDED = "Function `dev_command` is superseded"


def applies(record: logging.LogRecord) -> bool:
    """Return True for all other messages."""
    return not str(record.msg).startswith(NOT_USED)


if __name__ == "__main__":
    logging.getLogger("dagster").addFilter(applies)
    # Dagster's new command needs another package, and does the same.
    warnings.filterwarnings("ignore", message=_SUPERSEDED)
    sys.argv.insert(1, "dev")
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)
