"""Contents of the report on streaming titles: its sections and panels, in their order."""

from amazon_reviews.serving.charts import titles as charts
from amazon_reviews.serving.queries import titles
from amazon_reviews.serving.report.layout import Panel, Report, Section

TITLES_REPORT = Report(
    "Streaming titles",
    "gold/titles",
    titles.totals,
    {
        "titles": "Titles",
        "movies": "Films",
        "shows": "Series",
        "rated": "Rated titles",
        "ratings": "Ratings",
        "mean_rating": "Mean rating",
    },
    (
        Section(
            "Catalogues",
            (
                Panel(titles.by_type, charts.types),
                Panel(
                    titles.by_maturity,
                    charts.maturity,
                    note="Titles without a maturity rating count as g.",
                ),
                Panel(titles.by_year, charts.years),
                Panel(titles.by_year_added, charts.years_added, note="Only titles with a date."),
            ),
        ),
        Section(
            "Durations",
            (
                Panel(titles.by_minutes, charts.minutes, note="In bands of ten minutes."),
                Panel(titles.by_seasons, charts.seasons),
            ),
        ),
        Section(
            "Ratings",
            (
                Panel(titles.by_platform, charts.mean_ratings),
                Panel(titles.by_score, charts.scores, note="Means to one decimal."),
            ),
        ),
        Section("Data quality", (Panel(titles.missing, charts.missing),)),
    ),
)
