class Node:
    def __del__(self, say=print):
        say("node deleted")


one, two = Node(), Node()
one.other, two.other = two, one
print("main ends")
