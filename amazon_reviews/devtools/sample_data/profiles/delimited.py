"""Profiles of reviews in delimited files and in paragraphs."""

from collections.abc import Sequence

from amazon_reviews.devtools.sample_data.defects import Fields
from amazon_reviews.devtools.sample_data.identifiers import user_number
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.population import Population
from amazon_reviews.devtools.sample_data.profiles.fields import (
    CsvReviews,
    DelimitedReviews,
    FieldReviews,
)
from amazon_reviews.devtools.sample_data.profiles.json_lines import EARLY_SECOND, LATE_SECOND
from amazon_reviews.devtools.sample_data.profiles.names import FileNames
from amazon_reviews.devtools.sample_data.profiles.review import Review

EACH_REVERSED = 50  # fine_food has a few numerators above their denominators
EACH_UNDATED = 100
_EARLY_DAY, _LATE_DAY = "1985-11-05", "2103-02-03"


class AwsReviews(DelimitedReviews):
    """Customer reviews of AWS: tabs between the values, no quoting, `<br />` for line breaks."""

    names = FileNames("amazon_reviews_us_{category}_v1_{number:02d}", ".tsv.gz")
    fields = Fields(
        "customer_id",
        ("product_id",),
        "star_rating",
        ("review_body", "review_headline"),
        "review_date",
        _EARLY_DAY,
        _LATE_DAY,
    )
    columns = tuple(
        "marketplace customer_id review_id product_id product_parent product_title "
        "product_category star_rating helpful_votes total_votes vine verified_purchase "
        "review_headline review_body review_date".split()
    )
    header = ("\t".join(columns),)
    describes_products = True

    def values(self, review: Review) -> tuple[str, ...]:
        """Return the texts of a review in the order of the columns."""
        item = self.items[review.asin]
        return (
            "US",
            str(10_000_000 + user_number(review.reviewer)),
            f"R{review.salt % 16**13:013X}",
            review.asin,
            str(100_000_000 + item.number),
            item.title,
            item.path[0],
            f"{review.stars:.0f}",
            str(review.votes),
            str(review.total_votes),
            "N" if review.salt % 50 else "Y",
            "Y" if review.verified else "N",
            _one_line(review.summary),
            _one_line(review.text),
            review.day,
        )

    def joined(self, values: Sequence[str]) -> str:
        """Return texts as a record; a tab in a text becomes a space."""
        return "\t".join([text.replace("\t", " ") for text in values])


class FineFoodReviews(CsvReviews):
    """Fine food reviews, as on Kaggle."""

    names = FileNames("Reviews", ".csv")
    fields = Fields(
        "UserId", ("ProductId",), "Score", ("Text", "Summary"), "Time", EARLY_SECOND, LATE_SECOND
    )
    columns = tuple(
        "Id ProductId UserId ProfileName HelpfulnessNumerator HelpfulnessDenominator Score Time "
        "Summary Text".split()
    )
    header = (",".join(columns),)

    def values(self, review: Review) -> tuple[str, ...]:
        """Return the texts of a review in the order of the columns."""
        return (
            str(review.salt % 10**12),
            review.asin,
            review.reviewer,
            review.name,
            str(review.votes),
            str(_denominator(review)),
            f"{review.stars:.0f}",
            str(review.seconds),
            review.summary or "",
            review.text or "",
        )

    def keeps_identity(self, review: Review) -> bool:
        """Return True."""
        return True


class FineFoodParagraphs(FieldReviews):
    """Fine food reviews, as in the archive of SNAP: a paragraph of `name: text` lines each."""

    names = FileNames("finefoods", ".txt.gz")
    newline = "\n\n"
    columns = (
        "product/productId",
        "review/userId",
        "review/profileName",
        "review/helpfulness",
        "review/score",
        "review/time",
        "review/summary",
        "review/text",
    )
    fields = Fields(
        "review/userId",
        ("product/productId",),
        "review/score",
        ("review/text", "review/summary"),
        "review/time",
        EARLY_SECOND,
        LATE_SECOND,
    )

    def values(self, review: Review) -> tuple[str, ...]:
        """Return the texts of a review in the order of the columns."""
        return (
            review.asin,
            review.reviewer,
            review.name,
            f"{review.votes}/{_denominator(review)}",
            str(review.stars),
            str(review.seconds),
            _one_line(review.summary),
            _one_line(review.text),
        )

    def joined(self, values: Sequence[str]) -> str:
        """Return texts as a paragraph, without lines for empty ones."""
        named = zip(self.columns, values, strict=True)
        return "\n".join([f"{name}: {text}" for name, text in named if text])

    def keeps_identity(self, review: Review) -> bool:
        """Return True if no text has a line break."""
        return "\n" not in f"{review.text}{review.summary}"


class DatafinitiReviews(CsvReviews):
    """Reviews with their product in each row: a byte order mark, CRLF, a user without an id."""

    names = FileNames("Datafiniti_Amazon_Consumer_Reviews_of_Amazon_Products", ".csv")
    newline = "\r\n"
    fields = Fields(
        "reviews.username",
        ("asins",),
        "reviews.rating",
        ("reviews.text", "reviews.title"),
        "reviews.date",
        f"{_EARLY_DAY}T00:00:00.000Z",
        f"{_LATE_DAY}T00:00:00.000Z",
    )
    columns = tuple(
        "id dateAdded dateUpdated name asins brand categories primaryCategories imageURLs keys "
        "manufacturer manufacturerNumber reviews.date reviews.dateSeen reviews.didPurchase "
        "reviews.doRecommend reviews.id reviews.numHelpful reviews.rating reviews.sourceURLs "
        "reviews.text reviews.title reviews.username sourceURLs".split()
    )
    header = ("\ufeff" + ",".join(columns),)
    describes_products = True

    def __init__(self, options: SampleOptions, population: Population) -> None:
        super().__init__(options, population)
        self._products: dict[str, str] = {}

    def encode(self, review: Review) -> str:
        """Return the record of a review, with the columns of the product from a cache."""
        product = self._products.get(review.asin)
        if product is None:
            product = self.joined(self._product(review.asin))
            self._products[review.asin] = product
        return f"{product},{self.joined(self._review(review))}"

    def values(self, review: Review) -> tuple[str, ...]:
        """Return the texts of a review in the order of the columns."""
        return (*self._product(review.asin), *self._review(review))

    def _product(self, asin: str) -> tuple[str, ...]:
        item = self.items[asin]
        return (
            f"AV{item.number:018d}",
            "2017-03-03T16:56:05Z",
            "2018-10-25T16:36:31Z",
            item.title,
            asin if item.number % 3 else f"{asin},B00ZZ{item.number:05d}",
            item.brand,
            ",".join(item.path),
            item.path[0],
            f"https://images-na.ssl-images-amazon.com/images/I/51{asin[-5:]}0L.jpg",
            f"{item.brand.lower()}/{item.number}",
            item.brand,
            str(item.number),
        )

    def _review(self, review: Review) -> tuple[str, ...]:
        return (
            _written_time(review),
            "2018-05-27T00:00:00Z,2017-09-18T00:00:00Z",
            "TRUE" if review.verified else "FALSE",
            "TRUE" if review.stars > 3 else "FALSE",
            str(review.salt % 10**9),
            str(review.votes),
            f"{review.stars:.0f}",
            f"https://www.amazon.com/product-reviews/{review.asin}",
            review.text or "",
            review.summary or "",
            review.reviewer.lower(),
            f"https://www.amazon.com/dp/{review.asin}",
        )


def _one_line(text: str | None) -> str:
    return (text or "").replace("\n", "<br />")


def _denominator(review: Review) -> int:
    return review.total_votes if review.salt % EACH_REVERSED else max(0, review.votes - 1)


def _written_time(review: Review) -> str:
    """Return the time in one of the two forms of the source, or nothing."""
    if not (review.salt >> 8) % EACH_UNDATED:
        return ""
    return f"{review.day}T{review.clock}{'' if review.salt % 3 else '.000'}Z"
