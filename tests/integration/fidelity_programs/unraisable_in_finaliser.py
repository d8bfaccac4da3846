class Bad:
    def __repr__(self):
        return "<Bad>"

    def __del__(self):
        raise ValueError("in __del__")


Bad()
print("goes on")
