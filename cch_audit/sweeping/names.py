"""How the steps of a sweep are written."""

from cch_audit.results import Varied


def step_text(step: float) -> str:
    """Return a step as it was typed; different numbers never look the same."""
    return repr(float(step)).removesuffix(".0")


def step_title(teacher: str, varied: Varied, step: float) -> str:
    """Return the name of a teacher at a step of a sweep."""
    return f"{teacher}, {varied.replace('_', ' ')} {step_text(step)}"
