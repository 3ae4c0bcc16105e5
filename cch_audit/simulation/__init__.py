"""Samples whose truth is known: for learning, for testing and for planning."""
