"""The audit: informations measured, compared and judged."""
