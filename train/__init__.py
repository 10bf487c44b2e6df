"""Train the classifier: python -m train."""
