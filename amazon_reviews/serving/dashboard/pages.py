"""The pages of the dashboard, in the order of its menu."""

from types import ModuleType

from amazon_reviews.serving.dashboard.views import (
    brands,
    categories,
    customers,
    overview,
    product,
    quality,
    ratings,
    recommendations,
    sentiment,
    titles,
)

PAGES: dict[str, tuple[ModuleType, str, str]] = {
    "overview": (overview, "Overview", ":material/dashboard:"),
    "ratings": (ratings, "Ratings & time", ":material/star:"),
    "categories": (categories, "Categories & prices", ":material/category:"),
    "brands": (brands, "Brands & products", ":material/inventory_2:"),
    "product": (product, "Product", ":material/shopping_bag:"),
    "customers": (customers, "Customers", ":material/group:"),
    "sentiment": (sentiment, "Sentiment", ":material/sentiment_satisfied:"),
    "recommendations": (recommendations, "Recommendations", ":material/recommend:"),
    "titles": (titles, "Streaming titles", ":material/movie:"),
    "quality": (quality, "Data quality & pipeline", ":material/fact_check:"),
}
"""Module, title and icon of each page by name. The function `show` of the module shows it."""
