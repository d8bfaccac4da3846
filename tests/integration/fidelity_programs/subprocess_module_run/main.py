import subprocess
import sys

print(subprocess.run([sys.executable, "-m", "tool", "x"], capture_output=True, text=True).stdout)
