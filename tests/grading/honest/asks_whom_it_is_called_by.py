# origin: own

import logging
import sys
import traceback

logging.basicConfig(level=logging.DEBUG)


def square_perimeter(a):
    logging.debug("called by %s", sys._getframe(1).f_code.co_name)
    traceback.extract_stack()
    return 4 * a
