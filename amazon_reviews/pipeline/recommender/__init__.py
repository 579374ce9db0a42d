"""The recommenders in the pipeline: interactions, matrices, evaluation, models, rankings."""
