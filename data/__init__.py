"""Labelled clauses, and how they are read, checked and split."""

from data.errors import quiet_while_importing

quiet_while_importing()
