"""Train the classifier: python -m train."""

from data.errors import quiet_while_importing

quiet_while_importing()
