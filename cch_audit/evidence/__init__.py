"""The record of forecast against outcome, over reports that carry training runs."""
