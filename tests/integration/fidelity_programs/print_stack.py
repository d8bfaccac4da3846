import traceback


def here():
    traceback.print_stack()


here()
