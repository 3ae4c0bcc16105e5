"""From a file path to a validated sample, and to a description of what a file holds."""
