"""The Dagster instance under DAGSTER_HOME."""

import os
from pathlib import Path

import dagster as dg
from filelock import FileLock

import amazon_reviews
from amazon_reviews.cli.common.dagster_databases import create_databases
from amazon_reviews.config import DAGSTER_HOME, Settings
from amazon_reviews.disk import Place, check_room, explaining
from amazon_reviews.errors import SettingsError

_SETTINGS = Path(amazon_reviews.__file__).with_name("dagster.yaml")
WORKSPACE = Path(amazon_reviews.__file__).with_name("workspace.yaml")
"""Dagster's code location; the state of sensors and schedules belongs to its name."""
# Dagster's databases start with less than 1 MB, and a run adds less than 1 MB of events.
_RUN_BYTES = 8 << 20


def dagster_instance(settings: Settings) -> dg.DagsterInstance:
    """Return the instance; the first call creates it with the project's `dagster.yaml`.

    The file is linked, so that it follows the installed version; one of the user's own is left.

    Raises:
        SettingsError: the folder cannot be used.
        StorageError: it is full, or cannot be written to.
    """
    home = settings.dagster_home
    link = home / "dagster.yaml"
    place = Place(DAGSTER_HOME, home)
    try:
        with explaining(place):
            home.mkdir(parents=True, exist_ok=True)
            check_room(place, _RUN_BYTES)
        # Processes take turns. No soft lock: that of a killed process would stay.
        with explaining(place), FileLock(home / ".creation.lock", fallback_to_soft=False):
            if not link.exists():
                # The link may point to an installation that is gone.
                link.unlink(missing_ok=True)
                link.symlink_to(_SETTINGS.resolve())
            create_databases(home)
    except OSError as error:
        raise SettingsError(DAGSTER_HOME, f"cannot be used ({error})") from None
    os.environ[DAGSTER_HOME] = str(home)
    with explaining(place):
        return dg.DagsterInstance.get()
