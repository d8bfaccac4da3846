"""What can be wrong with a run's folder."""


class StoreError(Exception):
    """A run can't be kept, gone on with or read; the message says what to do."""
