"""A faithful sample in the source's own format, with the truth about what is in it."""

from amazon_reviews.devtools.sample_data.generate import generate
from amazon_reviews.devtools.sample_data.options import SampleOptions

__all__ = ["SampleOptions", "generate"]
