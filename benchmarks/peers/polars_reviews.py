"""Reviews in Polars: types, reasons of rejection, and cleaned columns."""

import polars as pl
import polars_hash as plh

from benchmarks.peers import rules
from benchmarks.peers.polars_lines import (
    is_container,
    string_list,
    string_map,
    unknown_fields,
    with_fields,
)
from benchmarks.peers.polars_texts import clean, is_blank, normalized

_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_STARS = pl.Decimal(2, 1)


def typed(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return lines of bronze with typed columns, and the reason where a line is rejected."""
    parsed = with_fields(lines, rules.REVIEW_FIELDS, ("style", "image"))
    values = parsed.with_columns(
        rescued=unknown_fields(pl.col("irregular"), rules.REVIEW_FIELDS),
        structure=pl.any_horizontal(
            *(is_container(pl.col("irregular"), name) for name in rules.REVIEW_TEXTS)
        ).fill_null(value=False),
        stars=_number(pl.col("overall")).round(1, mode="half_away_from_zero"),
        is_verified=_boolean("verified"),
        votes=_number(pl.col("vote").str.replace_all(",", "", literal=True))
        .round(0, mode="half_away_from_zero")
        .cast(pl.Int32, strict=False),
        styles=string_map(pl.col("style").str.replace_all(rules.STYLE_PADDING, '":"')),
        images=string_list(pl.col("image")).list.len().cast(pl.Int32),
        second=_number(pl.col("unixReviewTime")),
    ).with_columns(reason=_reason())
    return values.select(
        *("reviewerID", "asin", "reviewText", "summary", "reviewerName", "reviewTime", "stars"),
        *("is_verified", "votes", "styles", "images", "second", "rescued"),
        *("file", "line", "place", "encoding", "reason"),
        review_id=pl.when(pl.col("reason").is_null()).then(_identity()),
        rejected=pl.when(pl.col("reason").is_not_null()).then("raw"),
    )


def _number(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars().cast(pl.Float64, strict=False)


def _boolean(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars().str.to_lowercase()
    return (
        pl.when(text.is_in(_TRUE))
        .then(statement=True)
        .when(text.is_in(_FALSE))
        .then(statement=False)
    )


def _reason() -> pl.Expr:
    untyped = {
        "verified": "is_verified",
        "vote": "votes",
        "style": "styles",
        "image": "images",
        "unixReviewTime": "second",
    }
    stars, second = pl.col("stars"), pl.col("second")
    required = [is_blank(pl.col(name)) for name in ("reviewerID", "asin", "overall")]
    no_text = pl.col("reviewText").is_null() & pl.col("summary").is_null()
    wrong = [~is_blank(pl.col(name)) & pl.col(value).is_null() for name, value in untyped.items()]
    out_of_range = [
        (stars != 0) & ~stars.is_between(1, 5),
        pl.col("votes") < 0,
        second.is_nan() | ~second.is_between(rules.EARLIEST, rules.LATEST),
    ]
    return (
        pl.when(pl.col("encoding") != "utf-8")
        .then(pl.lit("not_utf8"))
        .when(~pl.col("is_json"))
        .then(pl.lit("not_json"))
        .when(~pl.col("is_object"))
        .then(pl.lit("not_an_object"))
        .when(pl.any_horizontal(*required, no_text))
        .then(pl.lit("missing_field"))
        .when(pl.any_horizontal(stars.is_null() | stars.is_nan(), "structure", *wrong))
        .then(pl.lit("wrong_type"))
        .when(pl.any_horizontal(*out_of_range))
        .then(pl.lit("out_of_range"))
    )


def _identity() -> pl.Expr:
    """Return the first 32 digits of a SHA-256 over the raw values, each with its length."""
    values = [pl.col("reviewerID"), pl.col("asin"), pl.col("stars").cast(_STARS).cast(pl.String)]
    parts = [
        pl.coalesce(pl.concat_str(value.str.len_chars(), pl.lit(":"), value), pl.lit("-"))
        for value in (*values, pl.col("reviewText"), pl.col("summary"))
    ]
    return plh.concat_str(*parts).chash.sha2_256().str.head(32)


def cleaned(rows: pl.LazyFrame, partition: str) -> pl.LazyFrame:
    """Return the rows of silver."""
    headline, text, stars = pl.col("headline"), pl.col("review_text"), pl.col("stars")
    plain = rows.with_columns(
        own_text=clean(pl.col("reviewText")), headline=clean(pl.col("summary"))
    )
    filled = plain.with_columns(
        review_text=pl.when(pl.col("own_text") != "").then("own_text").otherwise(headline)
    )
    return filled.select(
        "review_id",
        pl.col("reviewerID").str.strip_chars().alias("reviewer_id"),
        pl.col("asin").str.strip_chars(),
        pl.when(stars > 0).then(stars).cast(_STARS).alias("overall"),
        (stars == 0).alias("unrated"),
        _sentiment(stars).alias("sentiment"),
        "review_text",
        headline.alias("summary"),
        pl.col("reviewerName").str.strip_chars().alias("reviewer_name"),
        pl.col("is_verified").alias("verified"),
        pl.col("votes").alias("vote"),
        pl.when(pl.col("styles").map.len() > 0).then("styles").alias("style"),
        pl.col("images").fill_null(0).alias("image_count"),
        pl.coalesce(
            (pl.col("second") / 86_400).floor().cast(pl.Int32).cast(pl.Date),
            pl.col("reviewTime").str.to_date("%m %d, %Y", strict=False),
        ).alias("reviewed_on"),
        pl.when(text.fill_null("") == "")
        .then(0)
        .otherwise(text.str.count_matches(" ", literal=True) + 1)
        .cast(pl.Int32)
        .alias("word_count"),
        text.str.len_chars().fill_null(0).cast(pl.Int32).alias("char_count"),
        *("rescued", "file", "line"),
        pl.lit(partition).alias("partition"),
    )


def _sentiment(stars: pl.Expr) -> pl.Expr:
    return (
        pl.when((stars > 0) & (stars < 3))
        .then(pl.lit("negative"))
        .when(stars > 3)
        .then(pl.lit("positive"))
        .when(stars == 3)
        .then(pl.lit("neutral"))
    )


def gold(silver: pl.LazyFrame, losers: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows of gold: those of silver that no earlier partition has, with products."""
    kept = silver.join(losers, on="review_id", how="anti").drop("file", "line")
    return kept.with_columns(
        review_text_normalized=normalized(pl.col("review_text")),
        year=pl.col("reviewed_on").dt.year(),
        month=pl.col("reviewed_on").dt.month(),
        source=pl.lit("batch"),
    ).join(products, on="asin", how="left")
