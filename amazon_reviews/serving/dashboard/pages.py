"""The pages of the dashboard, in the order of its menu."""

from types import ModuleType

from amazon_reviews.serving.dashboard.views import (
    brands,
    categories,
    customers,
    overview,
    quality,
    ratings,
    recommendations,
    sentiment,
    titles,
)

PAGES: tuple[tuple[ModuleType, str, str], ...] = (
    (overview, "Overview", ":material/dashboard:"),
    (ratings, "Ratings & time", ":material/star:"),
    (categories, "Categories & prices", ":material/category:"),
    (brands, "Brands & products", ":material/inventory_2:"),
    (customers, "Customers", ":material/group:"),
    (sentiment, "Sentiment", ":material/sentiment_satisfied:"),
    (recommendations, "Recommendations", ":material/recommend:"),
    (titles, "Streaming titles", ":material/movie:"),
    (quality, "Data quality & pipeline", ":material/fact_check:"),
)
"""Module, title and icon of each page. A page is shown by the function `show` of its module."""
