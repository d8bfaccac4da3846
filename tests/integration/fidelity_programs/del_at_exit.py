class Thing:
    def __del__(self, say=print):
        say("deleted")


thing = Thing()
print("main ends")
