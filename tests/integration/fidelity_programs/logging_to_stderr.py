import logging

logging.warning("to stderr by default")
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(filename)s:%(lineno)d %(message)s", force=True)
logging.getLogger("mine").info("formatted")
try:
    1 / 0
except ZeroDivisionError:
    logging.exception("with a traceback")
