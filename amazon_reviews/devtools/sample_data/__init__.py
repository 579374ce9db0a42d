"""A generator of sample data in the formats of the sources, with the truth about its content."""

from amazon_reviews.devtools.sample_data.generate import generate
from amazon_reviews.devtools.sample_data.options import PROFILES, SampleOptions

__all__ = ["PROFILES", "SampleOptions", "generate"]
