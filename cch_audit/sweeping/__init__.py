"""A teacher that is made worse in steps, and where verdict and outcome change."""
