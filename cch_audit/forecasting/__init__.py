"""The forecast: what distillation will change in the risk of a student, before it is trained."""
