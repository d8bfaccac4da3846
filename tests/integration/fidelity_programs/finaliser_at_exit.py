import weakref


class Thing:
    pass


thing = Thing()
weakref.finalize(thing, print, "finalised at exit")
print("main ends")
