"""The sentiment model in the pipeline: examples, training, evaluation, predictions."""
