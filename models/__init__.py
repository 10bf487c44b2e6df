"""What the classifier is, how it is kept, how it is applied; the saved model lands here."""
