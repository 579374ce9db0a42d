"""The peers: the same batch job, each written for its own engine and run in its own process."""
