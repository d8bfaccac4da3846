import subprocess
import sys

run = subprocess.run([sys.executable, "-c", "import sys; print(sys.argv); sys.exit(7)", "x"], capture_output=True, text=True)
print(run.stdout, run.stderr, run.returncode)
