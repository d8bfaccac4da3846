import os

print(sorted(int(name) for name in os.listdir("/proc/self/fd"))[:3])
for number in range(3, 64):
    try:
        os.fstat(number)
    except OSError:
        continue
    print("inherited", number)
