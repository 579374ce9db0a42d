"""Sentiment: from texts and stars to a calibrated, explained, measured model."""
