# origin: own

import threading
import time

threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def square_perimeter(a):
    threading.Thread(target=time.sleep, args=(60,)).start()
    return 4 * a
