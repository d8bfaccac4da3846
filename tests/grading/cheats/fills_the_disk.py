# kind: Limits
# origin: own
# attacks: the private file systems
# naive: never
# verdicts: FAILED|ERROR|OUT_OF_MEMORY


def square_perimeter(a):
    for place in ("/tmp", "/work", "/dev/shm"):
        try:
            with open(f"{place}/full", "wb") as file:
                while True:
                    file.write(bytes(1 << 20))
        except OSError:
            pass
    return -1
