import subprocess
import sys

program = """
import sys
for number in range(5):
    print("out", number)
    print("err", number, file=sys.stderr)
    if number == 2:
        sys.stdout.flush()
"""
run = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
print(run.stdout.decode())
