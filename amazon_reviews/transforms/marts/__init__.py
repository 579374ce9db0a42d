"""One transform for each mart; their columns are those of `amazon_reviews.schemas.marts`."""
