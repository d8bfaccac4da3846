import sys

sys.stdout.write("no newline, no flush")
sys.stderr.write("nor here")
