import subprocess

first = subprocess.Popen(["echo", "a b c"], stdout=subprocess.PIPE)
second = subprocess.Popen(["cat"], stdin=first.stdout, stdout=subprocess.PIPE)
first.stdout.close()
print(second.communicate(), first.wait(), second.returncode)
