"""The whole sample, from options to truth.json."""

import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from amazon_reviews.devtools.sample_data.catalogue import Catalogue
from amazon_reviews.devtools.sample_data.dialects import datathon, public
from amazon_reviews.devtools.sample_data.draws import spans
from amazon_reviews.devtools.sample_data.events import Events
from amazon_reviews.devtools.sample_data.landing import Landing
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.reviews import Reviews
from amazon_reviews.devtools.sample_data.tally import Tally
from amazon_reviews.devtools.sample_data.titles import RATINGS, TITLES, Titles
from amazon_reviews.devtools.sample_data.writer import TRUTH, PartFile, replaced_tree, write_truth


def generate(
    options: SampleOptions, out: Path, progress: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Write a sample below `out` and return its truth, which is also in truth.json.

    `out` gets amazon_reviews/partition_N, amazon_metadata/partition_N, events/events.jsonl,
    titles/*.csv, title_ratings/*.csv and truth.json; a sample that was there before is replaced,
    everything else is left alone. `progress` is called with the number of review lines written so
    far. The same options give the same bytes.

    The truth holds seed, options, counts by partition for reviews and products ({"partition_1":
    {"lines", "distinct", "duplicates_within", "rejected": {reason: count}}}, reasons that occur
    only), the same for titles by platform and ratings by file, and for the events with `by_file`
    (distinct ones that come by file as well), the names of the files of titles and ratings, and
    gold: reviews (batch only), reviews_with_events, products, titles and title_ratings.

    Raises FileExistsError when `out` holds files that no sample made.
    """
    with replaced_tree(Path(out)) as staging:
        truth = _write(options, staging, progress or _ignore)
        write_truth(staging / TRUTH, truth)
    return truth


def _write(
    options: SampleOptions, staging: Path, progress: Callable[[int], None]
) -> dict[str, Any]:
    reviews = Reviews(options)
    dialects = (public(), datathon())
    scratch = partial(tempfile.TemporaryFile, "w+", encoding="utf-8", dir=staging)
    with closing(Landing(options, reviews, dialects, scratch)) as landing:
        review_tallies = {
            f"partition_{number}": landing.write(staging, number, span, progress)
            for number, span in enumerate(spans(options.reviews, options.partitions), start=1)
        }
    catalogue = Catalogue(options, reviews.population)
    product_tallies = {
        f"partition_{number}": catalogue.write(staging, number)
        for number in range(1, options.metadata_partitions + 1)
    }
    events = Events(options, reviews, dialects[0])
    with PartFile(staging / "events" / "events.jsonl", "\n", compress=False) as file:
        events.write(file, landing.by_file)
    titles = Titles(options)
    catalogues = titles.write_catalogues(staging) if options.titles else {}
    ratings = titles.write_ratings(staging) if options.title_ratings else {}
    in_gold = sum(tally.distinct for tally in review_tallies.values()) - landing.across
    return {
        "seed": options.seed,
        "options": asdict(options),
        "reviews": _as_json(review_tallies),
        "products": _as_json(product_tallies),
        "titles": _as_json(catalogues),
        "title_ratings": _as_json(ratings),
        "files": {folder: _names(staging / folder) for folder in (TITLES, RATINGS)},
        "events": events.tally.as_json() | {"by_file": events.by_file},
        "gold": {
            "reviews": in_gold,
            "reviews_with_events": in_gold + events.tally.distinct - events.by_file,
            "products": options.products,
            "titles": sum(tally.distinct for tally in catalogues.values()),
            "title_ratings": titles.rated,
        },
    }


def _as_json(tallies: dict[str, Tally]) -> dict[str, Any]:
    return {name: tally.as_json() for name, tally in tallies.items()}


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _ignore(lines: int) -> None:
    """No progress is wanted."""
