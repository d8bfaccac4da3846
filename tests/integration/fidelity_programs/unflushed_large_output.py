import sys

sys.stdout.write("x" * 200_000)
sys.stdout.write("end")
