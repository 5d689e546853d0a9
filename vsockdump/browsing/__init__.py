"""A capture that is read in the background, and looked at anywhere meanwhile."""
