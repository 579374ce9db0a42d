"""`python -m benchmarks.title_ratings`: predicted ratings against scikit-surprise.

Both cross-validate on the same folds of generated ratings. By default their number and difficulty
are about those of MovieLens 1M. scikit-surprise is installed into a temporary environment.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from amazon_reviews.models.recommender.accuracy import random_folds, validate
from amazon_reviews.models.recommender.interactions import Interactions
from amazon_reviews.pipeline.title_ratings import GRID, MEAN, Candidate
from benchmarks.environments import InstallError, install
from benchmarks.machine import describe

_PEER = Path(__file__).parent / "peers" / "surprise_svd.py"
_SURPRISE = "scikit-surprise==1.1.5"
_FOLDS = 5
_PLANTED = 8


@click.command()
@click.option("--ratings", default=1_000_000, show_default=True)
@click.option("--users", default=6_040, show_default=True)
@click.option("--titles", default=3_706, show_default=True)
def main(ratings: int, users: int, titles: int) -> None:
    """Compare seconds and errors."""
    machine = describe()
    print(f"CPU: {machine['cpu']}, {machine['cores']} cores; load before: {machine['load_before']}")
    data = generated_ratings(ratings, users, titles)
    print(f"{len(data):,} ratings of {users:,} users and {titles:,} titles, {_FOLDS} folds")
    print(f"{'':34}{'seconds':>9}{'RMSE':>9}{'MAE':>9}")
    for candidate in (MEAN, *GRID):
        began = time.perf_counter()
        errors = validate(data, candidate.new_predictor, _FOLDS)
        _print(_name(candidate), time.perf_counter() - began, errors.rmse, errors.mae)
    peer = _surprise(data)
    _print(f"scikit-surprise {peer['version']}, SVD", peer["seconds"], peer["rmse"], peer["mae"])


def generated_ratings(ratings: int, users: int, titles: int, seed: int = 0) -> Interactions:
    """Return ratings from 1 to 5 stars with biases, latent factors and noise."""
    random = np.random.default_rng(seed)
    active = random.lognormal(0, 1.1, users)
    known = random.lognormal(0, 1.4, titles)
    pairs = np.zeros(0, np.int64)
    while len(pairs) < ratings:
        user = random.choice(users, ratings, p=active / active.sum())
        title = random.choice(titles, ratings, p=known / known.sum())
        pairs = np.union1d(pairs, user * titles + title)
    drawn = np.sort(random.permutation(pairs)[:ratings])
    user, title = np.divmod(drawn, titles)
    mild, good = random.normal(0, 0.44, users), random.normal(0, 0.48, titles)
    likes, has = (random.normal(0, 1, (n, _PLANTED)) for n in (users, titles))
    taste = 0.35 * np.einsum("nf,nf->n", likes[user], has[title]) / np.sqrt(_PLANTED)
    stars = 3.58 + mild[user] + good[title] + taste + random.normal(0, 0.8, ratings)
    return Interactions(
        users=user.astype(np.int32),
        items=title.astype(np.int32),
        ratings=np.clip(np.round(stars), 1, 5).astype(np.float32),
        times=np.zeros(ratings, np.int64),
        counts=np.ones(ratings, np.int32),
        user_ids=np.char.zfill(np.arange(users).astype(str), 8),
        item_ids=np.char.zfill(np.arange(titles).astype(str), 8),
    )


def _surprise(data: Interactions) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        try:
            python = install([_SURPRISE], place / "env")
        except InstallError as error:
            sys.exit(f"scikit-surprise cannot be measured: {error}")
        folds = random_folds(len(data), _FOLDS)
        arrays = {name: getattr(data, name) for name in ("users", "items", "ratings")}
        np.savez(place / "ratings.npz", folds=folds, **arrays)
        result: dict[str, float] = json.loads(_run(python, str(_PEER), str(place / "ratings.npz")))
        return result


def _run(*command: str) -> str:
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(f"scikit-surprise cannot be measured: {process.stderr.strip()}")
    return process.stdout


def _name(candidate: Candidate) -> str:
    factors = f", {candidate.factors}" if candidate.factors else ""
    ridge = f", regularisation {candidate.regularization:g}" if candidate.regularization else ""
    return f"{candidate.predictor}{factors}{ridge}"


def _print(name: str, seconds: float, rmse: float, mae: float) -> None:
    print(f"{name:34}{seconds:9.1f}{rmse:9.4f}{mae:9.4f}", flush=True)


if __name__ == "__main__":
    main()
