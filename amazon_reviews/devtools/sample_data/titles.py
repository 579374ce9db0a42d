"""Catalogues of streaming titles and the ratings of their users, with the source's quirks.

Records are repeated and values are in wrong columns, but as in the source, every record is usable.
"""

import csv
import io
import math
import random
from functools import cache
from pathlib import Path
from typing import NamedTuple

from amazon_reviews.devtools.sample_data.draws import python_random, quota, spans
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.phrases import FIRST_NAMES, LAST_NAMES
from amazon_reviews.devtools.sample_data.truth import Tally
from amazon_reviews.devtools.sample_data.writer import PartFile

TITLES, RATINGS = "titles", "title_ratings"
CATALOGUES = {
    "amazon": "amazon_prime_titles",
    "disney": "disney_plus_titles",
    "hulu": "hulu_titles",
    "netflix": "netflix_titles",
}
RATING_FILES = 2
_RATINGS_A_USER = 30
_SHARES = {"amazon": 0.42, "disney": 0.06, "hulu": 0.14, "netflix": 0.38}
_HEADER = (
    "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,"
    "description"
)
_RATINGS_HEADER = "userId,rating,timestamp,movieId"
_COUNTRIES = ("", "United States", "India", "United Kingdom, France", "Japan")
_MATURITY = ("", "13+", "TV-MA", "R", "PG-13", "TV-14")
_GENRES = ("Drama", "Comedy, Kids", "Documentary", "Action, Thriller", 'Music, "Live"')
_NOUNS = ("House", "River", "Traitor", "Winter", "Garden", "Signal", "Voyage", "Mirror")
_MONTHS = ("January", "March", "May", "September", "November")
_FIRST_SECOND = 1_000_000_000

_Record = list[str]


class Titles:
    """Writes the catalogues and the ratings, and counts their records.

    `rated` is the number of distinct ratings in all files.
    """

    def __init__(self, options: SampleOptions) -> None:
        self._options = options
        self._ids: list[str] = []
        self._users = max(1, min(options.users, options.title_ratings // _RATINGS_A_USER))
        self.rated = 0

    def write_catalogues(self, out: Path) -> dict[str, Tally]:
        """Write a file for each platform, and return the counts by platform."""
        return {name: self._catalogue(out, name) for name in CATALOGUES}

    def write_ratings(self, out: Path) -> dict[str, Tally]:
        """Write the ratings of titles in the catalogues, and return the counts by file."""
        sizes = spans(self._options.title_ratings, RATING_FILES)
        tallies: dict[str, Tally] = {}
        earlier: list[_Record] = []
        for number, (start, stop) in enumerate(sizes, start=1):
            rng = python_random(self._options.seed, RATINGS, number)
            new = [self._rating(place, rng) for place in range(start, stop)]
            repeated = rng.sample(
                earlier, math.ceil(len(earlier) * self._options.duplicates_across)
            )
            self.rated += len(new)
            records, tally = self._with_duplicates([*new, *repeated], rng)
            self._file(out, RATINGS, str(number), _RATINGS_HEADER, records)
            tallies[str(number)] = tally
            earlier += new
        return tallies

    def _catalogue(self, out: Path, platform: str) -> Tally:
        rng = python_random(self._options.seed, TITLES, list(CATALOGUES).index(platform))
        count = math.ceil(self._options.titles * _SHARES[platform])
        titles = [_title(platform, number, rng) for number in range(1, count + 1)]
        self._ids += [platform[0] + record[0] for record in titles]
        records, tally = self._with_duplicates(titles, rng)
        self._file(out, TITLES, CATALOGUES[platform], _HEADER, records)
        return tally

    def _rating(self, place: int, rng: random.Random) -> _Record:
        user, title = str(1 + place % self._users), rng.choice(self._ids)
        likings = [_liking(self._options.seed, name) for name in (user, title)]
        stars = rng.gauss(3.3, 0.7) + sum(liking.stars for liking in likings)
        if likings[0].side == likings[1].side:
            stars += 0.8
        halves = min(max(round(2 * stars), 1), 10)
        return [user, f"{halves / 2}", f"{_FIRST_SECOND + place}", title]

    def _with_duplicates(
        self, distinct: list[_Record], rng: random.Random
    ) -> tuple[list[_Record], Tally]:
        """Return the records, shuffled, with duplicates of some, and their counts."""
        count = quota(self._options.duplicates_within, 0, len(distinct))
        duplicates = rng.sample(distinct, count)
        records = [*distinct, *duplicates]
        rng.shuffle(records)
        return records, Tally(len(distinct), len(duplicates))

    def _file(self, out: Path, folder: str, name: str, header: str, records: list[_Record]) -> None:
        path = out / folder / f"{name}.csv{'.gz' if self._options.compress else ''}"
        with PartFile(path, "\n") as file:
            file.write([header, *map(_line, records)])


class _Liking(NamedTuple):
    """The stars above the average of a user or title, and the side on which the two match."""

    stars: float
    side: int


@cache
def _liking(seed: int, name: str) -> _Liking:
    rng = python_random(seed, f"liking of {name}")
    return _Liking(rng.gauss(0, 0.5), rng.randint(0, 1))


def _title(platform: str, number: int, rng: random.Random) -> _Record:
    """Return a record; those of hulu and netflix have the misplaced values of the source."""
    film = rng.random() < 0.7
    cast = "" if platform == "hulu" else ", ".join(_name(rng) for _ in range(rng.randint(0, 4)))
    seasons = rng.randint(1, 9)
    duration = f"{rng.randint(40, 180)} min" if film else f"{seasons} Season{'s'[: seasons > 1]}"
    rating = rng.choice(_MATURITY)
    if platform == "hulu" and rng.random() < 0.2:
        duration, rating = ("", duration) if rng.random() < 0.6 else ("", rating)
    blank = " " if platform == "netflix" and rng.random() < 0.1 else ""
    added = f"{blank}{rng.choice(_MONTHS)} {rng.randint(1, 28)}, {rng.randint(2008, 2021)}"
    return [
        f"s{number}",
        "Movie" if film else "TV Show",
        f"The {rng.choice(_NOUNS)} of {rng.choice(LAST_NAMES)} {number}",
        _name(rng) if rng.random() < 0.6 else "",
        cast,
        rng.choice(_COUNTRIES),
        added if rng.random() < 0.8 else "",
        str(rng.randint(1940, 2021)),
        rating,
        duration,
        rng.choice(_GENRES),
        f'A story, "true" or not,{chr(10) * (number % 40 == 7)} about {_name(rng)}.',
    ]


def _name(rng: random.Random) -> str:
    return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"


def _line(record: _Record) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(record)
    return text.getvalue()
