"""The source profiles by name."""

from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.population import Population
from amazon_reviews.devtools.sample_data.profiles.amazon_2018 import Products2018, Reviews2018
from amazon_reviews.devtools.sample_data.profiles.delimited import (
    AwsReviews,
    DatafinitiReviews,
    FineFoodParagraphs,
    FineFoodReviews,
)
from amazon_reviews.devtools.sample_data.profiles.json_lines import (
    MarcReviews,
    Reviews2014,
    Reviews2023,
    YelpReviews,
)
from amazon_reviews.devtools.sample_data.profiles.products import Products2014, Products2023
from amazon_reviews.devtools.sample_data.profiles.records import EncodedReviews, Profile

_WITHOUT_PRODUCTS: dict[str, type[EncodedReviews]] = {
    "aws_customer_reviews": AwsReviews,
    "fine_food": FineFoodReviews,
    "fine_food_snap": FineFoodParagraphs,
    "marc": MarcReviews,
    "datafiniti": DatafinitiReviews,
    "yelp": YelpReviews,
}


def create_profile(options: SampleOptions, population: Population) -> Profile:
    """Return the profile with the name in the options."""
    if options.profile == "amazon_2018":
        return Profile(Reviews2018(options), Products2018(options))
    if options.profile == "amazon_2014":
        return Profile(Reviews2014(options, population), Products2014(options))
    if options.profile == "amazon_2023":
        reviews = Reviews2023(options, population)
        return Profile(reviews, Products2023(options, reviews.ratings))
    return Profile(_WITHOUT_PRODUCTS[options.profile](options, population))
