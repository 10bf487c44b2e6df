"""Judge a saved model: python -m eval."""

from data.errors import quiet_while_importing

quiet_while_importing()
