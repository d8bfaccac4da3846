import atexit

atexit.register(print, "still runs")
raise LookupError("uncaught")
