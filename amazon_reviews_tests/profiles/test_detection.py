"""Detection: each known shape is its profile, and what cannot be decided is an error."""

import pytest

from amazon_reviews.errors import ProfileError
from amazon_reviews.profiles.detection import detect, nearest
from amazon_reviews.profiles.files import built_in_profiles, parse_profile

REVIEWS = [profile for profile in built_in_profiles() if profile.dataset == "reviews"]
PRODUCTS = [profile for profile in built_in_profiles() if profile.dataset == "products"]

# The fields of published files.
SHAPES = {
    "amazon_2014": "reviewerID asin reviewerName helpful reviewText overall summary "
    "unixReviewTime reviewTime",
    "amazon_2018": "overall verified reviewTime reviewerID asin style reviewerName reviewText "
    "summary unixReviewTime vote image",
    "amazon_2023": "rating title text images asin parent_asin user_id timestamp helpful_vote "
    "verified_purchase",
    "aws_customer_reviews": "marketplace customer_id review_id product_id product_parent "
    "product_title product_category star_rating helpful_votes total_votes vine "
    "verified_purchase review_headline review_body review_date",
    "datafiniti": "id dateAdded name asins brand categories reviews.date reviews.doRecommend "
    "reviews.rating reviews.text reviews.title reviews.username",
    "fine_food": "Id ProductId UserId ProfileName HelpfulnessNumerator HelpfulnessDenominator "
    "Score Time Summary Text",
    "marc": "review_id product_id reviewer_id stars review_body review_title language "
    "product_category",
    "snap": "product/productId review/userId review/profileName review/helpfulness review/score "
    "review/time review/summary review/text",
    "yelp": "review_id user_id business_id stars useful funny cool text date",
    "amazon_2014_products": "asin title price imUrl related salesRank categories",
    "amazon_2018_products": "category tech1 description fit title also_buy image tech2 brand "
    "feature rank also_view details main_cat similar_item date price asin",
    "amazon_2023_products": "main_category title average_rating rating_number features "
    "description price images videos store categories details parent_asin bought_together",
}


def own(name, *fields, **sources):
    """Return a user-defined profile that reads these fields as the required ones."""
    reviewer, asin, overall, text = fields
    lines = [f"  {canonical}: {source}" for canonical, source in sources.items()]
    yaml = (
        f"profile: {name}\ndataset: reviews\nfields:\n  reviewerID: {reviewer}\n"
        f"  asin: {asin}\n  overall: {overall}\n  reviewText: {text}\n" + "\n".join(lines)
    )
    return parse_profile(yaml.encode(), f"{name}.yaml")


def test_every_built_in_profile_has_a_shape():
    assert {profile.name for profile in built_in_profiles()} == {*SHAPES}


@pytest.mark.parametrize("name", SHAPES)
def test_a_published_shape_is_its_profile(name):
    (dataset,) = {p.dataset for p in built_in_profiles() if p.name == name}
    profiles = REVIEWS if dataset == "reviews" else PRODUCTS

    profile = detect(profiles, SHAPES[name].split(), "file")

    assert profile is not None
    assert profile.name == name


def test_shapes_of_reviews_fit_no_other_profile_as_well():
    for name, fields in SHAPES.items():
        profiles = PRODUCTS if name.endswith("products") else REVIEWS
        others = [profile for profile in profiles if profile.name != name]
        found = detect(others, fields.split(), "file")
        assert found is None or found.name == name.replace("2014", "2018"), name


def test_two_profiles_that_fit_equally_are_an_error_that_names_both_and_the_file():
    profiles = [own("one", "user", "sku", "stars", "text"), own("two", "user", "sku", "n", "text")]

    with pytest.raises(ProfileError, match=r"shop\.csv: the profiles one and two fit equally"):
        detect(profiles, ["user", "sku", "stars", "n", "text"], "shop.csv")


def test_of_two_profiles_the_one_that_reads_more_fields_is_taken():
    profiles = [
        own("less", "user", "sku", "stars", "text"),
        own("more", "user", "sku", "stars", "text", vote="likes"),
    ]
    fields = ["user", "sku", "stars", "text"]

    assert detect(profiles, [*fields, "likes"], "f").name == "more"


def test_an_own_profile_comes_before_a_built_in_one():
    shop = own("shop", "reviewerID", "asin", "overall", "reviewText")

    assert detect([*REVIEWS, shop], SHAPES["amazon_2018"].split(), "f").name == "shop"


def test_names_in_other_case_do_not_fit():
    assert detect(REVIEWS, SHAPES["yelp"].upper().split(), "f") is None


def test_the_nearest_profile_lacks_the_fewest_required_fields():
    fields = ["user_id", "rating", "title", "text", "timestamp"]

    first, *_, last = nearest(REVIEWS, fields)

    assert first.name == "amazon_2023"
    assert first.missing(fields) == ["asin or parent_asin"]
    assert len(last.missing(fields)) == len(last.requires)
    assert detect(REVIEWS, fields, "f") is None
