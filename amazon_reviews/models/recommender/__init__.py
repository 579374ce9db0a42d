"""Recommenders: arrays of interactions in, rankings out; numpy, scipy and implicit."""
