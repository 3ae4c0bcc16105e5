"""Distillation on frozen representations: the training run that checks a verdict."""
