import gc


class Node:
    pass


node = Node()
node.self = node
gc.collect()
del node
print(gc.collect() > 0, gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), gc.garbage)
