"""What this program is."""

print(__doc__)
