"""The warehouse in Google BigQuery; imported only where the settings name it."""
