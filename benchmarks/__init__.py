"""Benchmarks against peers: the same work, the same machine, the same run."""
