"""From the fields of a source profile to the canonical fields of reviews and products."""

import re
from collections.abc import Mapping, Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from amazon_reviews.profiles.profile import Profile, Source
from amazon_reviews.transforms.dates import written_time
from amazon_reviews.transforms.strict_json import number, text_map

# A time in seconds reaches it in the year 5138, one in milliseconds did in 1973.
_FIRST_MILLISECONDS = 1e11


def canonical_record(
    record: Column, sources: Mapping[str, Sequence[Source]], canonical: Sequence[str]
) -> Column:
    """Return a struct of the canonical fields as text, from a struct of source fields.

    A field that `sources` lacks is null.
    """
    return F.struct(
        *(_first_filled(record, sources.get(name, ())).alias(name) for name in canonical)
    )


def seconds_since_1970(record: Column, profile: Profile, canonical: str) -> Column:
    """Return the time of a canonical field that is a number, in seconds; null for other texts."""
    count = number(record[canonical])
    unit = _source(profile, canonical).unit
    milliseconds = F.lit(unit == "milliseconds")
    if unit == "seconds or milliseconds":
        milliseconds = F.abs(count) >= _FIRST_MILLISECONDS
    return F.when(milliseconds, count / 1000).otherwise(count)


def written(record: Column, profile: Profile, canonical: str) -> Column:
    """Return the time of a canonical field that is a date; null for other texts."""
    return written_time(record[canonical], _source(profile, canonical).order)


def _source(profile: Profile, canonical: str) -> Source:
    sources = profile.fields.get(canonical, ())
    return sources[0] if sources else Source()


def _first_filled(record: Column, sources: Sequence[Source]) -> Column:
    values = [_value(record, source) for source in sources]
    if not values:
        return F.lit(None).cast("string")
    if len(values) == 1:
        return values[0]
    return F.coalesce(*(F.when(F.trim(value) != "", value) for value in values[:-1]), values[-1])


def _value(record: Column, source: Source) -> Column:
    if source.field is None:
        return F.lit(source.constant)
    value = record[source.field]
    if source.path is not None:
        value = F.get_json_object(value, source.path)
    if source.split is not None:
        parts = F.split(value, re.escape(source.split))
        value = F.to_json(parts) if source.part is None else F.get(parts, F.lit(source.part))
    if source.pattern is not None:
        found = F.regexp_extract(value, source.pattern, 1)
        value = F.when(found != "", found).otherwise(value)
    if source.true or source.false:
        word = F.lower(F.trim(value))
        value = (
            F.when(word.isin(*source.true), "true")
            .when(word.isin(*source.false), "false")
            .otherwise(value)
        )
    if source.form == "list":
        one = F.when(value.isNotNull(), F.to_json(F.array(value)))
        value = F.when(value.startswith("["), value).otherwise(one)
    if source.form == "ranks":
        value = _first_rank(value)
    return value


def _first_rank(ranks: Column) -> Column:
    """Return "1,234 in Music" for {"Music": 1234}; other texts as they are."""
    first = F.get(F.map_entries(text_map(ranks)), F.lit(0))
    text = F.concat(first["value"], F.lit(" in "), first["key"])
    return F.when(ranks.startswith("{"), text).otherwise(ranks)
