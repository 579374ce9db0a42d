"""Generation of a sample, from options to truth.json."""

import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from amazon_reviews.devtools.sample_data.catalogue import Catalogue
from amazon_reviews.devtools.sample_data.draws import spans
from amazon_reviews.devtools.sample_data.events import Events
from amazon_reviews.devtools.sample_data.landing import Landing
from amazon_reviews.devtools.sample_data.options import PROFILES, SampleOptions
from amazon_reviews.devtools.sample_data.profiles.registry import create_profile
from amazon_reviews.devtools.sample_data.reviews import Reviews
from amazon_reviews.devtools.sample_data.titles import RATINGS, TITLES, Titles
from amazon_reviews.devtools.sample_data.truth import TRUTH, Tally, write_truth
from amazon_reviews.devtools.sample_data.variants import datathon, public
from amazon_reviews.devtools.sample_data.writer import PartFile, file_names, replaced_tree


def generate(
    options: SampleOptions,
    out: Path,
    progress: Callable[[int], None] | None = None,
    *,
    only_empty: bool = False,
) -> dict[str, Any]:
    """Write a sample below `out` and return its truth, which is also in truth.json.

    The sample consists of amazon_reviews/partition_N, amazon_metadata/partition_N,
    events/events.jsonl, titles/*.csv, title_ratings/*.csv and truth.json. It replaces an earlier
    sample in `out`; other files stay. The same options give the same bytes. A source profile
    without files of products has no amazon_metadata. Events, titles and ratings are the same for
    all profiles.

    The truth has these keys:
        seed, options: The input.
        reviews, products: Counts by partition: {"partition_1": {"lines", "distinct",
            "duplicates_within", "rejected": {reason: count}}}, with the reasons that occur.
        titles, title_ratings: The same by platform and by file.
        events: The same, with the distinct events that are in a file too as `by_file`.
        files: Names of the files of titles and ratings.
        incidents: Only with incidents: {"asin", "begins_on", "ends_on"} of each.
        gold: Rows of reviews (batch only), reviews_with_events, products, titles and title_ratings.
            An empty text of JSON is a text, an empty field of a delimited file is null.

    Args:
        options: Size and defects of the sample.
        out: Folder of the sample.
        progress: Called with the number of review lines written so far.
        only_empty: Replace no earlier sample.

    Raises:
        FileExistsError: `out` contains files that are not part of a sample, or any file with
            `only_empty`.
    """
    with replaced_tree(Path(out), only_empty=only_empty) as staging:
        truth = _write(options, staging, progress or (lambda lines: None))
        write_truth(staging / TRUTH, truth)
    return truth


def _write(
    options: SampleOptions, staging: Path, progress: Callable[[int], None]
) -> dict[str, Any]:
    reviews = Reviews(options)
    variants = (public(), datathon())
    scratch = partial(tempfile.TemporaryFile, "w+", encoding="utf-8", dir=staging)
    profile = create_profile(options, reviews.population)
    with closing(Landing(options, reviews, variants, profile.reviews, scratch)) as landing:
        review_tallies = {
            f"partition_{number}": landing.write(staging, number, span, progress)
            for number, span in enumerate(spans(options.reviews, options.partitions), start=1)
        }
    product_tallies: dict[str, Tally] = {}
    if profile.products:
        catalogue = Catalogue(options, reviews.population, profile.products)
        product_tallies = {
            f"partition_{number}": catalogue.write(staging, number)
            for number in range(1, options.metadata_partitions + 1)
        }
    events = Events(options, reviews, variants[0], profile.reviews.is_same)
    with PartFile(staging / "events" / "events.jsonl", "\n") as file:
        events.write(file, landing.by_file)
    titles = Titles(options)
    catalogues = titles.write_catalogues(staging) if options.titles else {}
    ratings = titles.write_ratings(staging) if options.title_ratings else {}
    in_gold = sum(tally.distinct for tally in review_tallies.values()) - landing.across
    truth: dict[str, Any] = {
        "seed": options.seed,
        "options": _options_of_truth(options),
        "reviews": _as_json(review_tallies),
        "products": _as_json(product_tallies),
        "titles": _as_json(catalogues),
        "title_ratings": _as_json(ratings),
        "files": {folder: file_names(staging / folder) for folder in (TITLES, RATINGS)},
        "events": events.tally.as_json() | {"by_file": events.by_file},
        "gold": {
            "reviews": in_gold,
            "reviews_with_events": in_gold + events.tally.distinct - events.by_file,
            "products": (
                options.products if profile.products else profile.reviews.described_products
            ),
            "titles": sum(tally.distinct for tally in catalogues.values()),
            "title_ratings": titles.rated,
        },
    }
    return truth | ({"incidents": reviews.incidents.as_json()} if options.incidents else {})


def _options_of_truth(options: SampleOptions) -> dict[str, Any]:
    # Samples of the default profile, without incidents, have the bytes of earlier releases.
    left_out = {"profile": PROFILES[0], "incidents": 0}
    return {name: v for name, v in asdict(options).items() if (name, v) not in left_out.items()}


def _as_json(tallies: dict[str, Tally]) -> dict[str, Any]:
    return {name: tally.as_json() for name, tally in tallies.items()}
