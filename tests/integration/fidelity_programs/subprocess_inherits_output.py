import subprocess
import sys

print("before", flush=True)
subprocess.run([sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr)"])
print("after")
