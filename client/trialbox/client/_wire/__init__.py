"""The wire without the I/O: requests written, answers read, errors named, batches kept in order."""
