"""Errors that no command expects, in one line; the rest is in a log file."""

from collections.abc import Sequence
from pathlib import Path
from sqlite3 import DatabaseError as SqliteError

from sqlalchemy.exc import DatabaseError

from amazon_reviews import config, error_log
from amazon_reviews.disk import Place, storage_error, temporary_files
from amazon_reviews.errors import (
    AmazonReviewsError,
    BuildError,
    SettingsError,
    StorageError,
    UnexpectedError,
    one_line,
)
from amazon_reviews.resources.lakehouse.damage import describe_damaged_file
from amazon_reviews.resources.warehouse.connect import file_of


def explained(error: Exception) -> AmazonReviewsError:
    """Return the error to show for one that no part of the package has explained.

    Its traceback goes into the log file, which the text names.
    """
    try:
        settings = config.load()
    except SettingsError:
        settings = None
    places = local_places(settings) if settings else [temporary_files()]
    home = settings.dagster_home if settings else None
    of_dagster = isinstance(error, (DatabaseError, SqliteError))
    if of_dagster and home:
        # Those of the models are explained by their store.
        places = [Place(config.DAGSTER_HOME, home), temporary_files()]
    log = error_log.write(home, error_log.details(error))
    rest = f"the details are in {log}" if log else "no log file can be written"
    if problem := storage_error(error, places):
        return StorageError(f"{problem} ({rest})")
    if settings and (damage := describe_damaged_file(settings.lakehouse, error)):
        return BuildError(f"{damage} ({rest})")
    if of_dagster:
        why = one_line(getattr(error, "orig", None) or error)
        advice = "move the folder away, which loses the history of runs and no table, and repeat"
        if "locked" in why:
            advice = "another process writes to it: wait for its end, and repeat"
        return UnexpectedError(
            f"{config.DAGSTER_HOME}: {home} has a database that cannot be used ({why}); {advice} "
            f"the command ({rest})"
        )
    return UnexpectedError(f"{one_line(error)}; this is a fault of the project: {rest}")


def local_places(settings: config.Settings) -> Sequence[Place]:
    """Return the folders on this machine that the settings name, most used first."""
    located = {config.LAKEHOUSE: settings.lakehouse, config.LANDING: settings.landing}
    local = {name: Path(place) for name, place in located.items() if not config.is_remote(place)}
    if warehouse := file_of(settings.warehouse):
        local[config.WAREHOUSE] = warehouse
    local[config.DAGSTER_HOME] = settings.dagster_home
    local[config.MODELS] = settings.models
    local[config.REPORT] = settings.report.parent
    return [*(Place(name, path) for name, path in local.items()), temporary_files()]
