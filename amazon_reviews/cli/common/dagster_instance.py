"""The Dagster instance under DAGSTER_HOME."""

import os
import shutil

import dagster as dg

from amazon_reviews.config import DAGSTER_HOME, Settings, project_root
from amazon_reviews.errors import SettingsError


def dagster_instance(settings: Settings) -> dg.DagsterInstance:
    """Return the instance; the first call creates it with the project's `dagster.yaml`.

    Raises:
        SettingsError: the folder cannot be used.
    """
    home = settings.dagster_home
    template = project_root() / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if template.is_file() and not (home / "dagster.yaml").exists():
            shutil.copy(template, home / "dagster.yaml")
    except OSError as error:
        raise SettingsError(DAGSTER_HOME, f"cannot be used ({error})") from None
    os.environ[DAGSTER_HOME] = str(home)
    return dg.DagsterInstance.get()
