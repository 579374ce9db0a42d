"""`python -m benchmarks.recommender FILE …`: compare all methods on files of ratings.

A file is a CSV with user, item, rating and timestamp, or gzipped JSON lines of reviews. A message
is printed for ratings that cannot be split.
"""

import gzip
import json
import warnings
from pathlib import Path

import click
from implicit.utils import ParameterWarning

from amazon_reviews.errors import SplitError
from amazon_reviews.models.recommender.evaluation import Evaluation, Evaluator
from amazon_reviews.models.recommender.interactions import MISSING_TIME, Interactions
from amazon_reviews.models.recommender.methods import method_named
from amazon_reviews.models.recommender.metrics import difference
from amazon_reviews.models.recommender.names import SPLITS, SplitName, names_without_products
from amazon_reviews.models.recommender.splits import split_named
from amazon_reviews.serving.rating_files import read_ratings
from benchmarks.machine import describe
from benchmarks.peers.implicit_models import candidates

_SHOWN = ("recall@10", "ndcg@10", "hit_rate@10", "map@10", "coverage@10", "novelty@10")
_HEAD = f"{'':20}" + "".join(f"{name:>12}" for name in (*_SHOWN, "rmse", "mae", "fit s"))


@click.command()
@click.argument("files", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--split", "splits", type=click.Choice(SPLITS), multiple=True, default=SPLITS)
@click.option("--peers", is_flag=True, help="Add models of implicit, the best of each grid.")
def main(files: tuple[Path, ...], splits: tuple[SplitName, ...], peers: bool) -> None:
    """Evaluate all methods that need only ratings."""
    machine = describe()
    print(f"CPU: {machine['cpu']}, {machine['cores']} cores; load before: {machine['load_before']}")
    for file in files:
        interactions = _read(file)
        for name in splits:
            try:
                evaluator = Evaluator(split_named(name, interactions))
            except SplitError as error:
                print(f"{file.name}, {name}: {error}")
                continue
            hybrid = _compare(f"{file.name}, {name}", evaluator)
            if peers:
                _compare_peers(evaluator, hybrid)


def _compare(title: str, evaluator: Evaluator) -> Evaluation:
    split = evaluator.split
    print(
        f"\n{title}: trained on {len(split.train):,}, evaluated for {len(evaluator.users):,} users"
    )
    print(_HEAD)
    evaluations = {}
    for method in names_without_products():
        evaluations[method] = evaluator.evaluate(method_named(method))
        print(_line(method, evaluations[method]), flush=True)
    for name in ("mean", "biases"):
        errors = getattr(evaluations["svd"], f"accuracy_of_{name}")
        print(f"{f'{name} alone':92}{errors.rmse:12.4f}{errors.mae:12.4f}")
    for group, figures in evaluations["hybrid"].groups.items():
        ndcg = f"ndcg@10 {figures['ndcg@10']:.4f}" if "ndcg@10" in figures else ""
        print(f"hybrid, {group}: {figures['users']:,} users {ndcg}")
    for baseline in ("popularity", "bm25"):
        print(_gain(evaluations["hybrid"], evaluations[baseline], baseline))
    return evaluations["hybrid"]


def _compare_peers(evaluator: Evaluator, hybrid: Evaluation) -> None:
    """Compare models of `implicit`, each with the parameters that are best on the test data."""
    # implicit warns of matrices that it converts itself.
    warnings.simplefilter("ignore", ParameterWarning)
    best: dict[str, tuple[str, Evaluation]] = {}
    for family, parameters, peer in candidates():
        evaluation = evaluator.evaluate(peer)
        if family not in best or _ndcg(evaluation) > _ndcg(best[family][1]):
            best[family] = parameters, evaluation
    for family, (parameters, evaluation) in best.items():
        print(_line(f"implicit {family}", evaluation))
        print(f"  with {parameters}; {_gain(hybrid, evaluation, family)}", flush=True)


def _ndcg(evaluation: Evaluation) -> float:
    return float(evaluation.per_user["ndcg@10"].mean())


def _gain(hybrid: Evaluation, other: Evaluation, name: str) -> str:
    gain = difference(hybrid.per_user["ndcg@10"], other.per_user["ndcg@10"])
    return f"hybrid - {name}: {gain.mean:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})"


def _line(method: str, evaluation: Evaluation) -> str:
    summary = evaluation.summary()
    figures = (summary[name] for name in (*_SHOWN, "rmse", "mae"))
    cells = "".join(f"{'':12}" if value is None else f"{value:12.4f}" for value in figures)
    return f"{method:20}{cells}{evaluation.fit_seconds:12.2f}"


def _read(file: Path) -> Interactions:
    if file.suffix == ".csv":
        return read_ratings(file).interactions
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        reviews = [json.loads(line) for line in lines if line.strip()]
    return Interactions.from_rows(
        [review["reviewerID"] for review in reviews],
        [review["asin"] for review in reviews],
        [review["overall"] for review in reviews],
        [review.get("unixReviewTime", MISSING_TIME) for review in reviews],
    )


if __name__ == "__main__":
    main()
