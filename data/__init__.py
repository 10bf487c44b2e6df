"""Labelled clauses, and how they are read, checked and split."""
