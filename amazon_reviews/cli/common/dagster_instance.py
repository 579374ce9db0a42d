"""The Dagster instance under DAGSTER_HOME."""

import os
from pathlib import Path

import dagster as dg
from filelock import FileLock

import amazon_reviews
from amazon_reviews.cli.common.dagster_databases import create_databases
from amazon_reviews.config import DAGSTER_HOME, Settings
from amazon_reviews.errors import SettingsError

_SETTINGS = Path(amazon_reviews.__file__).with_name("dagster.yaml")


def dagster_instance(settings: Settings) -> dg.DagsterInstance:
    """Return the instance; the first call creates it with the project's `dagster.yaml`.

    The file is linked, so that it follows the installed version; one of the user's own is left.

    Raises:
        SettingsError: the folder cannot be used.
    """
    home = settings.dagster_home
    link = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        # Processes take turns. No soft lock: that of a killed process would stay.
        with FileLock(home / ".creation.lock", fallback_to_soft=False):
            if not link.exists():
                # The link may point to an installation that is gone.
                link.unlink(missing_ok=True)
                link.symlink_to(_SETTINGS.resolve())
            create_databases(home)
    except OSError as error:
        raise SettingsError(DAGSTER_HOME, f"cannot be used ({error})") from None
    os.environ[DAGSTER_HOME] = str(home)
    return dg.DagsterInstance.get()
