"""`python -m benchmarks`: run the benchmarks, and print the report."""

import sys
import tempfile
from pathlib import Path

import click

from benchmarks import landing_zone, marts, profiles, stream
from benchmarks.batch import CORE_HOUR, Options, as_json, bench
from benchmarks.checksums import ChecksumError
from benchmarks.measure import CommandError
from benchmarks.peers.registry import PEERS
from benchmarks.report import text

_FEWEST_EVENTS = 1_000


class _Counts(click.ParamType):
    """A list of whole numbers, separated by commas."""

    name = "N,N,…"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[int]:
        if isinstance(value, list):
            return value
        if not value:
            return []
        try:
            counts = [int(part) for part in str(value).split(",")]
        except ValueError:
            counts = []
        if not counts or min(counts) < 2:
            self.fail(f"{value!r} is not a list of whole numbers above 1", param, ctx)
        return counts


class _Peers(click.ParamType):
    """A list of peers, separated by commas."""

    name = "PEER,PEER,…"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        if isinstance(value, list):
            return value
        keys = [key for key in str(value).split(",") if key]
        known = [peer.key for peer in PEERS]
        for key in keys:
            if key not in known:
                self.fail(f"{key!r} is not one of {', '.join(known)}", param, ctx)
        return keys


@click.command()
@click.option(
    "--reviews",
    type=_Counts(),
    default="1000000,5000000",
    show_default=True,
    help="Sizes of the batch path; '' skips it.",
)
@click.option(
    "--peers",
    type=_Peers(),
    default=",".join(peer.key for peer in PEERS),
    show_default=True,
    help="Peers of the batch path; '' for none.",
)
@click.option(
    "--core-hour",
    type=click.FloatRange(0),
    default=CORE_HOUR,
    show_default=True,
    help="Assumed price of one core for an hour, in dollars.",
)
@click.option("--spark-up-to", default=1_000_000, show_default=True, help="0 skips Spark.")
@click.option("--small", default=100_000, show_default=True, help="Reviews to the warehouse.")
@click.option("--partition", default=100_000, show_default=True, help="Rows of one partition.")
@click.option(
    "--profiles",
    "profile_reviews",
    type=click.IntRange(0),
    default=1_000_000,
    show_default=True,
    help="Reviews of the comparison of the source profiles of 2018 and 2023; 0 skips it.",
)
@click.option(
    "--profile-rounds",
    type=click.IntRange(1),
    default=profiles.ROUNDS,
    show_default=True,
    help="Runs of each of the two profiles.",
)
@click.option(
    "--events",
    type=click.IntRange(0),
    default=300_000,
    show_default=True,
    help="Events of the stream path, and a tenth of them; 0 skips it.",
)
@click.option(
    "--stream-gold",
    type=click.IntRange(0),
    default=1_000_000,
    show_default=True,
    help="Reviews in gold while single events are sent; 0 skips this.",
)
@click.option(
    "--marts",
    "mart_reviews",
    type=click.IntRange(0),
    default=5_000_000,
    show_default=True,
    help="Reviews that all marts are built from; 0 skips the marts.",
)
@click.option("--folder", type=click.Path(path_type=Path, exists=True), help="For temporary files.")
@click.option("--json", "json_", is_flag=True, help="Print the figures as JSON.")
def main(
    reviews: list[int],
    peers: list[str],
    core_hour: float,
    spark_up_to: int,
    small: int,
    partition: int,
    profile_reviews: int,
    profile_rounds: int,
    events: int,
    stream_gold: int,
    mart_reviews: int,
    folder: Path,
    json_: bool,
) -> None:
    """Compare batch and marts with peers, and the inputs with their clients.

    Exits with 1 if the data, the rows or the values of a run are not as expected.
    """
    if 0 < events < _FEWEST_EVENTS:
        raise click.UsageError(f"--events: at least {_FEWEST_EVENTS}, or 0")
    options = Options(reviews, spark_up_to, small, partition, peers, core_hour)
    with tempfile.TemporaryDirectory(prefix="amazon-reviews-bench-", dir=folder) as temporary:
        try:
            figures = bench(options, Path(temporary))
            if profile_reviews:
                figures["profiles"] = profiles.bench(
                    profile_reviews, Path(temporary) / "profiles", profile_rounds
                )
            if events:
                streamed = stream.Options(events, stream_gold)
                figures["stream"] = stream.bench(streamed, Path(temporary))
            if mart_reviews:
                figures["marts"] = marts.bench(mart_reviews, Path(temporary))
        except (ChecksumError, CommandError) as error:
            raise click.ClickException(str(error)) from error
    if landing_zone.is_possible():
        figures["landing_zone"] = landing_zone.bench()
    else:
        figures["skipped"].append("landing zone in an Azure container: no Azurite (make azurite)")
    arguments = _arguments(options, profile_reviews, events, stream_gold, mart_reviews)
    figures["command"] = " ".join(["amazon-reviews bench", *arguments])
    print(as_json(figures) if json_ else text(figures, figures["command"]))
    if figures["faults"]:
        sys.exit(1)


def _arguments(
    options: Options, profile_reviews: int, events: int, stream_gold: int, mart_reviews: int
) -> list[str]:
    """Return the command-line arguments without those that have no effect."""
    batch = ["--reviews ''"]
    if options.reviews:
        batch = [f"--reviews {','.join(map(str, options.reviews))}"]
        batch.append(f"--peers {','.join(options.peers)}" if options.peers else "--peers ''")
        batch.append(f"--core-hour {options.core_hour:g}")
        if "spark" in options.peers:
            batch.append(f"--spark-up-to {options.spark_up_to}")
    stream = [f"--events {events}", *([f"--stream-gold {stream_gold}"] if events else [])]
    return [*batch, f"--profiles {profile_reviews}", *stream, f"--marts {mart_reviews}"]


if __name__ == "__main__":
    main()
