"""One transform per mart; the columns are those of `amazon_reviews.schemas.marts`."""
