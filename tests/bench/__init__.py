"""`make bench`: how fast vsockdump is, as ratios to other programs in the same run."""
