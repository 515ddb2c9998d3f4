"""Measurements beside named peers, in the same run, as ratios."""
