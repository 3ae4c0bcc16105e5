"""Audit, before training, whether cross-modal knowledge distillation can help."""

__version__ = "0.1.0"
