"""Studies: their plan, their report, and where they run."""
