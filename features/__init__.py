"""Text → clauses → numbers. Takes strings; knows nothing of files, labels or models."""
