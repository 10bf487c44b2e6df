"""What the classifier is, how it is kept, how it is applied; the saved model lands here."""

from data.errors import quiet_while_importing

quiet_while_importing()
