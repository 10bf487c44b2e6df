"""Judge a saved model: python -m eval."""
