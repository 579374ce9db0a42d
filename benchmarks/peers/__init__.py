"""The peers: the same work, written for other engines, each in a separate process."""
