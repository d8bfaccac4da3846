import subprocess

try:
    subprocess.run(["sleep", "30"], timeout=0.05)
except subprocess.TimeoutExpired as error:
    print(error.cmd)
