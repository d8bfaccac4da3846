import os
import signal

os.killpg(os.getpgrp(), signal.SIGTERM)
