import builtins


class Last:
    def __del__(self):
        print("gone")


builtins.last = Last()
