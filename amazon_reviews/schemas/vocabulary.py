"""Values that several layers share, each with its reason.

This module imports nothing of the package, so that every layer may use it.
"""

from typing import Literal, get_args

ORIGIN = ("partition", "file", "line")
"""Columns that name the place of a line in the landing zone or the stream."""

UNKNOWN = "Unknown"
"""Name of what is missing, in marts, charts, tables and summaries: a title, a price, a language."""

Platform = Literal["amazon", "disney", "hulu", "netflix"]

PLATFORMS: tuple[Platform, ...] = get_args(Platform)
"""Streaming platforms; each is a landing partition of the dataset titles."""

NEGATIVE, NEUTRAL, POSITIVE = SENTIMENTS = ("negative", "neutral", "positive")

NEUTRAL_STARS = 3
"""The sentiment rule: fewer stars are negative, more are positive, these are neutral."""

PRIOR_REVIEWS = 10
"""Weight of the mean of all reviews in a shrunk mean, counted in reviews.

A group with as few reviews as this gets the middle between its own mean and that of all.
"""

FALSE_DISCOVERIES = 0.05
"""Expected part of chance among findings of many tests; a finding has a q-value below it."""

MOSTLY_MISSING = 0.7
"""Share of missing values above which a column of the source counts as mostly missing."""

MONTH_REVIEWS, EARLIER_REVIEWS = 5, 10
"""The fewest rated reviews of a month of a product that is tested for a drop, and before it."""

ALL_CATEGORIES = "All categories"
"""Name of the rows over all categories, in tables with one row per category."""
