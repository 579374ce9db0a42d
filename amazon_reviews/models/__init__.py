"""Models: numpy, scipy and scikit-learn; no session, no storage but plain files."""
