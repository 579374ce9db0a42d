"""A Dagster project that turns Amazon product reviews into a lakehouse and a warehouse."""

import warnings

# Dagster marks options that the project relies on as beta or preview; its pins keep them.
warnings.filterwarnings("ignore", module="dagster", message=r".*(beta|preview)")
