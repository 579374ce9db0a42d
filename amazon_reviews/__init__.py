"""A Dagster project that turns Amazon product reviews into a lakehouse and a warehouse."""
