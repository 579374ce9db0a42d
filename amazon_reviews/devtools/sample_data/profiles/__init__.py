"""Source profiles: the layouts in which the reviews and products of a sample are written."""
