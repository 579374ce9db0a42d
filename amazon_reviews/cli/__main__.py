"""`python -m amazon_reviews.cli` is the console script `amazon-reviews`."""

from amazon_reviews.cli import main

main()
