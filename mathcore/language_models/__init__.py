"""language_models."""
