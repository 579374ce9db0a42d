"""`python -m benchmarks`: measure, and print the report."""

import tempfile
from pathlib import Path

import click

from benchmarks.batch import Options, as_json, bench
from benchmarks.report import text


class _Counts(click.ParamType):
    """Whole numbers with commas between them."""

    name = "N,N,…"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[int]:
        if isinstance(value, list):
            return value
        try:
            counts = [int(part) for part in str(value).split(",")]
        except ValueError:
            counts = []
        if not counts or min(counts) < 2:
            self.fail(f"{value!r} is no list of whole numbers above 1", param, ctx)
        return counts


@click.command()
@click.option("--reviews", type=_Counts(), default="1000000,2000000,5000000", show_default=True)
@click.option("--spark-up-to", default=1_000_000, show_default=True, help="0 leaves Spark out.")
@click.option("--small", default=100_000, show_default=True, help="Reviews to the warehouse.")
@click.option("--partition", default=100_000, show_default=True, help="Rows of one partition.")
@click.option("--folder", type=click.Path(path_type=Path, exists=True), help="For temporary files.")
@click.option("--json", "json_", is_flag=True, help="Print the figures as JSON.")
def main(
    reviews: list[int], spark_up_to: int, small: int, partition: int, folder: Path, json_: bool
) -> None:
    """Measure the batch path against DuckDB SQL and JVM Spark, in the same run."""
    options = Options(reviews, spark_up_to, small, partition)
    with tempfile.TemporaryDirectory(prefix="amazon-reviews-bench-", dir=folder) as temporary:
        found = bench(options, Path(temporary))
    sizes = ",".join(map(str, reviews))
    found["command"] = f"amazon-reviews bench --reviews {sizes} --spark-up-to {spark_up_to}"
    print(as_json(found) if json_ else text(found, found["command"]))


if __name__ == "__main__":
    main()
