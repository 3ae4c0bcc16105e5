"""From a model and its data to a file of representations; nothing below imports it."""
