"""Which rows depend on each other, and what of it is found in the rows themselves."""
