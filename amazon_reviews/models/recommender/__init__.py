"""Recommenders: arrays of interactions in, products and scores out; numpy and scipy only."""
