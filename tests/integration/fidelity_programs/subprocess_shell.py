import subprocess

print(subprocess.run("echo $((6 * 7)); exit 3", shell=True, capture_output=True))
print(subprocess.getstatusoutput("echo one; echo two >&2; false"))
