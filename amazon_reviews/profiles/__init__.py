"""Source profiles: the ways in which producers lay out reviews and products.

Each YAML file of this folder declares one. People may add their own, which are read the same way.
"""
